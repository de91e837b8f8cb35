package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Null in a ClientUpdated clears an attribute by the rules of PUT: in a GET, in the history, and after a replay. The service
// itself stores null for highrise_id alone.
func TestNullInAnEventClears(t *testing.T) {
	t.Parallel()
	s := startExternal(t)
	id := s.createFrom(whole)
	want := s.attributes(id)
	for version, c := range []struct {
		attribute string
		cleared   any
	}{
		{"highrise_id", nil},
		{"details", ""},
		{"currency_symbol", "€"},
	} {
		before := want[c.attribute]
		require.NotEqual(t, before, c.cleared)
		sequence := publish(t, s.administrator(t), clientEvent("default", "Updated", id, version+2, `"`+c.attribute+`":null`))
		want[c.attribute], want["cache_version"] = c.cleared, float64(version+1)
		got := s.attributes(id)
		want["updated_at"] = got["updated_at"]
		require.Equal(t, want, got)
		events, _ := s.history(path(id) + "/history")
		last := events[len(events)-1]
		require.EqualValues(t, sequence, last.Sequence)
		require.Equal(t, map[string]struct{ Before, After any }{c.attribute: {before, c.cleared}}, last.Changes)
	}
	require.Zero(t, s.stop(t))
	require.NoError(t, s.administrator(t).DeleteObjectStore(t.Context(), "CLIENTS_SNAPSHOTS"))
	require.Equal(t, want, s.restart(t).attributes(id))
}

// An attribute that cannot be null makes an event unreadable, as a value of another type does.
func TestNullThatNoAttributeCanHaveIsCorruption(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	publish(t, s.administrator(t), clientEvent("default", "Updated", id, 2, `"name":null`))
	eventually(t, func() bool { return !s.ready() }, "the event is noticed")
	require.Contains(t, s.operations("/readyz").body, "name is null")
}
