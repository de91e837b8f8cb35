package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// events runs the subcommand to its end.
func events(t *testing.T, a *app, args ...string) []string {
	t.Helper()
	code, out, stderr := runInProcess(t, append([]string{"events", "--nats-url", a.adminURL()}, args...)...)
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
	require.Equal(t, []string{all[2]}, events(t, a, "--client", fmt.Sprint(id), "-n", "1"))
	require.Equal(t, all[:2], events(t, a, "--account", "default")[:2])
	require.Equal(t, all[1:], events(t, a, "--account", "default", "-n", "2"))
	require.Equal(t, all, events(t, a, "-n", "100"))
	require.Equal(t, all[1:], events(t, a, "-n", "100", "--from", "2"))
	require.Equal(t, []string{""}, events(t, a, "--account", "shop"))
	require.Equal(t, []string{""}, events(t, a, "-n", "0"))
	require.Equal(t, []string{""}, events(t, a, "--client", "77", "--account", "default"))

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
	follower := execute(t, []string{"events", "--from", "1", "--follow", "--nats-url", p.natsURL})
	for _, name := range []string{"Before", "After"} {
		eventually(t, "it is printed", func() bool { return strings.Contains(follower.stdout.String(), name) })
		p.named("After")
	}
	follower.terminate(t)
	require.Zero(t, follower.exitCode(t))
	require.Empty(t, follower.stderr.String())
}

// Alone, --follow tells what happens from now on; a sequence that is not there yet is waited for.
func TestEventsFollowsFromNowOn(t *testing.T) {
	t.Parallel()
	p := spawn(t, t.TempDir()+"/data")
	p.named("Before")
	var followers []*process
	for _, flags := range [][]string{nil, {"--last", "0"}, {"--from", "2"}, {"--client", "2"}, {"--from", "3"}} {
		follower := execute(t, append([]string{"events", "--follow", "--nats-url", p.natsURL}, flags...))
		eventually(t, "it says that it waits", func() bool { return strings.Contains(follower.stderr.String(), "waiting for what comes at sequence") })
		followers = append(followers, follower)
	}
	require.Contains(t, followers[4].stderr.String(), "waiting for what comes at sequence 3 and behind; the stream ends at 1")
	p.named("Second")
	p.named("Third")
	for i, want := range []string{"Second Third", "Second Third", "Second Third", "Second", "Third"} {
		follower := followers[i]
		told := func() string {
			return strings.Join(regexp.MustCompile(`Before|Second|Third`).FindAllString(follower.stdout.String(), -1), " ")
		}
		eventually(t, "it goes on", func() bool { return told() == want })
		follower.terminate(t)
		require.Zero(t, follower.exitCode(t))
	}
}

// events --follow | head -1 ends though nothing happens any more.
func TestEventsFollowsUntilNobodyReads(t *testing.T) {
	t.Parallel()
	p := spawn(t, t.TempDir()+"/data")
	p.named("Only")
	head := exec.CommandContext(t.Context(), "sh", "-c", binaryPath(t)+" events --from 1 --follow --nats-url "+p.natsURL+" | head -1")
	out, err := head.CombinedOutput()
	require.NoError(t, err)
	require.Len(t, lines(string(out)), 1)
}

func TestEventsThatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	code, _, stderr := runInProcess(t, "events", "--account", "Shop/1", "--client=-1", "--last=-1")
	require.Equal(t, 2, code)
	require.Len(t, lines(stderr), 3, stderr)
	for _, flag := range []string{"--account=", "--client=0"} {
		code, _, stderr = runInProcess(t, "events", flag)
		require.Equal(t, 2, code)
		require.Len(t, lines(stderr), 1, stderr)
	}
	a := launch(t)
	code, out, stderr := runInProcess(t, "events", "--from", "9", "--nats-url", a.adminURL())
	require.Zero(t, code)
	require.Empty(t, out)
	require.Equal(t, "clients: the stream ends at sequence 0\n", stderr)
}

// Reading from the end goes on until there are enough, past what is no event.
func TestEventsReadsBackFromTheEnd(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("First")
	a.named("Second")
	stream := a.tap()
	for n := range 300 {
		stream.publish(fmt.Sprintf("clients.default.%d", n+10), nil, "a stray is no event")
	}
	last := a.named("Last")
	all := events(t, a)
	require.Len(t, all, 3)
	for n := range 3 {
		require.Equal(t, all[2-n:], events(t, a, "-n", fmt.Sprint(n+1)))
		require.Equal(t, all[2-n:], events(t, a, "-n", fmt.Sprint(n+1), "--account", "default"))
	}
	require.Equal(t, all[2:], events(t, a, "-n", "5", "--client", fmt.Sprint(last)))
}
