package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// useUp uses ids and deletes most of their clients, so that the list does not show how many ids were used.
func useUp(c *client) (highest int64) {
	c.t.Helper()
	c.create("Kept")
	for range 20 { // more than a creation tries
		highest = c.create("Deleted")
		c.want(200, "DELETE", path(highest), "")
	}
	return highest
}

// No id is used twice, however the process ends and even if the stream of the counter is lost: the events contain the ids in
// use.
func TestIDsAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	highest := useUp(s.client)
	deleteStream := func(name string) (again func()) {
		js := s.administrator(t)
		stream, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		require.NoError(t, js.DeleteStream(t.Context(), name))
		return func() {
			_, err := js.CreateStream(t.Context(), stream.CachedInfo().Config)
			require.NoError(t, err)
		}
	}
	for i, c := range []struct {
		name string
		do   func()
	}{
		{"a restart", func() { require.Zero(t, s.stop(t)); s = s.restart(t) }},
		{"a kill", func() { s.kill(); s = s.restart(t) }},
		{"another kill", func() { s.kill(); s = s.restart(t) }},
		{"the loss of the counter", func() { deleteStream("CLIENTS_IDS"); s.kill(); s = s.restart(t) }},
		{"a counter that begins again", func() { deleteStream("CLIENTS_IDS")() }},
		{"keys that are lost", func() {
			again := deleteStream("KV_CLIENTS_KEYS")
			s.want(503, "POST", "/clients", suprCorp, asXML, key)
			again()
		}},
	} {
		c.do()
		id := s.create("First")
		require.Greater(t, id, highest, c.name)
		highest = useUp(s.client)
		require.Len(t, s.list(""), 1+2*(i+1), "each of the clients has its own id: %s", c.name)
	}
	for range 110 { // more ids than are reserved at once
		id := s.create("Later")
		require.Greater(t, id, highest)
		highest = id
	}
	keyed := s.want(201, "POST", "/clients", suprCorp, asXML, key).id(t)
	require.Greater(t, keyed, highest)
	require.Equal(t, keyed, s.want(201, "POST", "/clients", suprCorp, asXML, key).id(t))
	require.Equal(t, 200, s.operations("/readyz").status)
}
