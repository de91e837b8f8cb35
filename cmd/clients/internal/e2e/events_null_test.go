package e2e_test

import (
	"maps"
	"strings"
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

// The service goes on with data that no release has stored, as EVENTS.md says: missing attributes, null, values beyond the limits of
// the API. A row has the data of the next event of a client, and the attributes that it changes.
func TestDataThatNoReleaseStores(t *testing.T) {
	t.Parallel()
	s := start(t)
	const id = 100
	long := strings.Repeat("x", 300)
	attributes := map[string]any{
		"id": 100.0, "name": "", "highrise_id": nil, "currency": "", "currency_symbol": "", "active": false, "details": "",
		"default_invoice_timeframe": nil, "last_invoice_kind": nil,
	}
	for version, row := range []struct {
		kind, data string
		changes    map[string]any
	}{
		{"Created", ``, nil},
		{"Updated", ``, nil},
		{"Updated", `"NAME":"By hand","active":true,"later":{}`, map[string]any{"name": "By hand", "active": true}},
		{"Toggled", ``, map[string]any{"active": false}},
		{"Updated", `"name":"","highrise_id":-5`, map[string]any{"name": "", "highrise_id": -5.0}},
		{"Updated", `"details":"` + "\xff" + `\ud800"`, map[string]any{"details": "\ufffd\ufffd"}},
		{"Updated", `"name":"` + long + `","highrise_id":0`, map[string]any{"name": long, "highrise_id": nil}},
		{"InvoiceDefaultsChanged", `"default_invoice_timeframe":"x"`, map[string]any{"default_invoice_timeframe": "x"}},
		{"InvoiceDefaultsChanged", `"default_invoice_timeframe":"","last_invoice_kind":"y"`, map[string]any{
			"default_invoice_timeframe": nil, "last_invoice_kind": "y",
		}},
		{"Updated", `"currency":"Euro - EUR"`, map[string]any{"currency": "Euro - EUR"}}, // the symbol is not derived
	} {
		publish(t, s.administrator(t), clientEvent("default", row.kind, id, version+1, row.data))
		maps.Copy(attributes, row.changes)
		attributes["cache_version"] = float64(version)
		got := s.attributes(id)
		delete(got, "created_at")
		delete(got, "updated_at")
		require.Equal(t, attributes, got, row.data)
	}
	publish(t, s.administrator(t), clientEvent("default", "Created", id+1, 1,
		`"name":null,"highrise_id":null,"currency":"Euro - EUR","currency_symbol":null,"active":null,"details":null`))
	got := s.attributes(id + 1)
	for name, value := range map[string]any{"name": "", "highrise_id": nil, "currency_symbol": "", "active": false, "details": ""} {
		require.Equal(t, value, got[name], name)
	}
	require.True(t, s.ready())
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
