package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// printed runs clients events to its end and returns its lines.
func (s *service) printed(args ...string) []string {
	s.t.Helper()
	r := run(s.t, s.variables, append([]string{"events"}, args...)...)
	require.Zero(s.t, r.code, r.stderr)
	return strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
}

func TestEventsPrintsTheEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id, other := s.create("SuprCorp"), s.create("Other \u009b2J \u202e")
	for n := range 300 { // more than are read at once from the end
		publish(t, js, message(fmt.Sprintf("clients.default.%d", n+100), "foreign"))
	}
	s.update(id, "<details>x</details>")
	project(t, js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, id))
	s.references(id)

	all := s.printed()
	require.Len(t, all, 3)
	require.Regexp(t, `^1 .* default/1  v1  ClientCreated  by anonymous  \{"id":1,"name":"SuprCorp",`, all[0])
	require.Contains(t, all[1], "Other \ufffd2J \ufffd", "no control characters reach the terminal")
	require.Regexp(t, `default/1  v2  ClientUpdated  by anonymous  \{"id":1,"details":"x"\}$`, all[2])
	client := fmt.Sprintf("--client %d", id)
	for args, want := range map[string][]string{
		"--from 2":                      all[1:],
		"-n 1":                          all[2:],
		"-n 2":                          all[1:],
		"-n 100":                        all,
		"-n 002 --from 01":              all[1:],
		"-n 100 --from 2":               all[1:],
		"-n 0":                          {""},
		client:                          {all[0], all[2]},
		client + " -n 1":                {all[2]},
		client + " -n 5":                {all[0], all[2]},
		"--account default":             all,
		"--account default -n 2":        all[1:],
		"--account shop":                {""},
		"--account default --client 77": {""},
	} {
		require.Equal(t, want, s.printed(strings.Fields(args)...), args)
	}
	closed := runAs(t, s.variables, closedOutput(t), "events")
	require.Equal(t, 1, closed.code)
	require.Equal(t, 1, strings.Count(closed.stderr, "broken pipe"), closed.stderr)
	beyond := run(t, s.variables, "events", "--from", "0999")
	require.Zero(t, beyond.code)
	require.Empty(t, beyond.stdout)
	require.Contains(t, beyond.stderr, fmt.Sprintf("sequence %d", lastSequence(t, js)))

	var line struct {
		Sequence uint64
		Account  string
		ClientID int64 `json:"client_id"`
		Type     string
		ID       string
		Data     json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(s.printed("--json", "--client", fmt.Sprint(other))[0]), &line))
	e := events(t, js, fmt.Sprintf("clients.default.%d", other))[0]
	require.Equal(t, []any{e.sequence, "default", other, e.header.Get("ce-type"), e.header.Get("ce-id")},
		[]any{line.Sequence, line.Account, line.ClientID, line.Type, line.ID})
	require.JSONEq(t, e.data, string(line.Data))
}

// follower is a running clients events --follow.
type follower struct {
	cmd            *exec.Cmd
	stdout, stderr output
}

func (s *service) follow(t *testing.T, args ...string) *follower {
	t.Helper()
	f := &follower{cmd: exec.Command(binary, append([]string{"events", "--follow"}, args...)...)}
	f.cmd.Env, f.cmd.Stdout, f.cmd.Stderr = environment(t.TempDir(), s.variables), &f.stdout, &f.stderr
	require.NoError(t, f.cmd.Start())
	t.Cleanup(func() { _ = f.cmd.Process.Kill() })
	return f
}

// names returns the names of clients that were printed.
func (f *follower) names() string {
	return strings.Join(regexp.MustCompile(`Before|Second|Third`).FindAllString(f.stdout.String(), -1), " ")
}

// Alone, --follow begins with the next event; a sequence that does not exist yet is waited for.
func TestEventsFollowsUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("Before")
	cases := []struct{ args, prints string }{
		{"", "Second Third"}, {"--last 0", "Second Third"}, {"--from 1", "Before Second Third"}, {"--from 2", "Second Third"},
		{"--client 2", "Second"}, {"--from 3", "Third"},
	}
	var followers []*follower
	for _, c := range cases {
		f := s.follow(t, strings.Fields(c.args)...)
		eventually(t, func() bool { return f.stderr.contains("the stream ends") || f.names() == "Before" }, "it waits")
		followers = append(followers, f)
	}
	s.create("Second")
	s.create("Third")
	for i, f := range followers {
		eventually(t, func() bool { return f.names() == cases[i].prints }, "%s prints %s", cases[i].args, cases[i].prints)
		require.NoError(t, f.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, f.cmd.Wait())
	}
	head := exec.CommandContext(t.Context(), "sh", "-c", binary+" events --from 1 --follow | head -1") // ends with its reader
	head.Env = environment(t.TempDir(), s.variables)
	out, err := head.Output()
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(out), "\n"))
	s.want(http.StatusOK, http.MethodGet, "/clients", "")
}
