package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// events runs the subcommand to its end.
func events(t *testing.T, a *app, args ...string) []string {
	t.Helper()
	code, out, stderr := runInProcess(t, append([]string{"events", "--nats-url", a.natsURL()}, args...)...)
	require.Zero(t, code, stderr)
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

func TestEventsTellsWhatHasHappened(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id, other := a.named("SuprCorp"), a.named("Other \u009b2J \u202e")
	a.update(id, "<details>x</details>")
	stream := a.tap()
	stream.publish("clients.default.99", nil, "a stray is no event")
	stream.say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, id)))
	a.want(400, "DELETE", path(id), "")

	all := events(t, a)
	require.Len(t, all, 3)
	require.Regexp(t, `^1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  default/1  v1  ClientCreated  by anonymous  \{"id":1,"name":"SuprCorp",`, all[0])
	require.Contains(t, all[1], `Other \u009b2J \u202e`, "nothing commands a terminal")
	require.Regexp(t, `default/1  v2  ClientUpdated  by anonymous  \{"id":1,"details":"x"\}$`, all[2])
	require.Equal(t, all[1:], events(t, a, "--from", "2"))
	require.Equal(t, all[2:], events(t, a, "-n", "1"))
	require.Equal(t, []string{all[0], all[2]}, events(t, a, "--client", fmt.Sprint(id)))
	require.Equal(t, []string{""}, events(t, a, "--account", "shop"))

	var line struct {
		Sequence uint64
		Account  string
		ClientID int64 `json:"client_id"`
		Type     string
		ID       string
		Data     json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(events(t, a, "--json", "--client", fmt.Sprint(other))[0]), &line))
	m := stream.messages()[1]
	require.Equal(t, m.sequence, line.Sequence)
	require.Equal(t, m.header.Get("ce-id"), line.ID)
	require.Equal(t, m.header.Get("ce-type"), line.Type)
	require.JSONEq(t, m.data, string(line.Data))
}

func TestEventsFollowsUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	p := spawn(t, t.TempDir()+"/data")
	p.named("Before")
	follower := execute(t, []string{"events", "--follow", "--nats-url", p.natsURL})
	for _, name := range []string{"Before", "After"} {
		eventually(t, "it is printed", func() bool { return strings.Contains(follower.stdout.String(), name) })
		p.named("After")
	}
	follower.terminate(t)
	require.Zero(t, follower.exitCode(t))
	require.Empty(t, follower.stderr.String())
}
