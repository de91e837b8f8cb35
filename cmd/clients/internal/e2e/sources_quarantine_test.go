package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// deadLetter is a line of clients quarantine list --json.
type deadLetter struct {
	Number, Sequence                      uint64
	Stream, Subject, Type, Reason, Detail string
}

func (d deadLetter) number() string { return strconv.FormatUint(d.Number, 10) }

// deadLetters returns the messages in quarantine.
func (s *service) deadLetters() (all []deadLetter) {
	s.t.Helper()
	listed := s.quarantine("list", "--json")
	require.Zero(s.t, listed.code, listed.stderr)
	for decoder := json.NewDecoder(strings.NewReader(listed.stdout)); decoder.More(); {
		var d deadLetter
		require.NoError(s.t, decoder.Decode(&d))
		all = append(all, d)
	}
	return all
}

func (s *service) quarantine(args ...string) result {
	s.t.Helper()
	return run(s.t, s.variables, append([]string{"quarantine"}, args...)...)
}

// A message that cannot be attributed to a client is stored with its reason, counted, and delays nothing behind it.
func TestMessagesThatCannotBeAttributedGoToTheQuarantine(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.partner(t)
	id, gone := s.create("SuprCorp"), s.create("Gone")
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	client := fmt.Sprintf(`{"client_id":%d}`, id)
	for i, c := range []struct{ kind, data, reason, detail string }{
		{"projects.v1.ProjectCreated", "{", "unreadable", "unexpected end of JSON"},
		{"projects.v1.ProjectArchived", client, "unknown-type", "projects.v1.ProjectArchived"},
		{"projects.v1.ProjectCreated", `{"client_id":999999}`, "unknown-client", "client 999999"},
		{"projects.v1.ProjectCreated", fmt.Sprintf(`{"client_id":%d}`, gone), "deleted-client", fmt.Sprintf("client %d", gone)},
		{"projects.v1.ProjectToggled", `{"active":true}`, "unknown-client", "project 5"},
	} {
		counted := func() float64 {
			return s.metric("clients_quarantined_total", fmt.Sprintf("reason=%q", c.reason), `stream="PROJECTS"`)
		}
		before := counted()
		subject := fmt.Sprintf("projects.default.%d", i+1)
		sequence := publishEvent(t, js, subject, c.kind, c.data, "ce-id: "+c.reason+subject)
		project(t, js, "ProjectCreated", int64(1000+i), fmt.Sprintf(`"client_id":%d`, id))
		require.Contains(t, s.references(id), fmt.Sprintf("%d active project", i+1))
		require.InDelta(t, before+1, counted(), 0)

		listed := s.deadLetters()
		require.Len(t, listed, i+1)
		last := listed[i]
		require.Contains(t, last.Detail, c.detail)
		require.Equal(t, deadLetter{last.Number, sequence, "PROJECTS", subject, c.kind, c.reason, last.Detail}, last)
		shown := s.quarantine("show", last.number()).stdout
		for _, part := range []string{"ce-id: " + c.reason + subject, c.data, fmt.Sprintf("sequence %d of stream PROJECTS", sequence)} {
			require.Contains(t, shown, part)
		}
	}
	publish(t, js, message("projects.default.77", "hello"))
	publish(t, js, &nats.Msg{Subject: "projects.x", Header: nats.Header{"ce-type": {"projects.v1.ProjectCreated"}}, Data: []byte("{}")})
	s.references(id)
	require.Len(t, s.deadLetters(), 7)
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	s.references(id)
	require.Len(t, s.deadLetters(), 7, "none is stored twice")
}

// What a partner publishes does not control the terminal of the operator who reads it.
func TestMessagesInQuarantineArePrintable(t *testing.T) {
	t.Parallel()
	s := start(t)
	subject := "projects.default.\x1b[31m"
	publishEvent(t, s.partner(t), subject, "projects.v1.X%1b]0;x%07%0a", "{\n\t\"x\": \"\x1b[2J\xff\"\n}", "ce-id: \x1b[1m")
	s.want(http.StatusOK, http.MethodDelete, path(s.create("SuprCorp")), "") // after the message
	listed := s.deadLetters()
	require.Len(t, listed, 1)
	require.Equal(t, subject, listed[0].Subject, "JSON escapes it")
	for _, args := range [][]string{{"list"}, {"show", listed[0].number()}, {"retry", listed[0].number()}} {
		printed := s.quarantine(args...).stdout
		require.NotContains(t, printed, "\x1b", args)
		require.NotContains(t, printed, "\a", args)
		require.True(t, utf8.ValidString(printed), args)
	}
	require.Contains(t, s.quarantine("show", listed[0].number()).stdout, "{\n\t\"x\": \"\ufffd[2J\ufffd\"\n}")
}

// An operator retries the messages that can be attributed meanwhile, and drops the rest. A retried event does not override newer
// events of the other service.
func TestTheQuarantineIsEmptiedByAnOperator(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.partner(t)
	id := s.create("SuprCorp")
	later := id + 1
	for n := range int64(2) {
		project(t, js, "ProjectCreated", n+1, fmt.Sprintf(`"client_id":%d`, later))
	}
	project(t, js, "ProjectArchived", 3, "")
	project(t, js, "ProjectCreated", 2, fmt.Sprintf(`"client_id":%d,"active":false`, id))
	require.Contains(t, s.references(id), "1 inactive project")
	listed := s.deadLetters()
	require.Len(t, listed, 3)
	require.Equal(t, later, s.create("Later"))

	retried := s.quarantine("retry", listed[0].number())
	require.Zero(t, retried.code, retried.stderr)
	require.Contains(t, s.references(later), "1 active project")
	retried = s.quarantine("retry", "--all")
	require.Equal(t, 1, retried.code)
	require.Contains(t, retried.stdout, listed[2].number()+": unknown-type: projects.v1.ProjectArchived")
	require.Contains(t, s.references(id), "1 inactive project", "it still belongs to its newer client")
	project(t, js, "ProjectDeleted", 1, "")
	s.want(http.StatusOK, http.MethodDelete, path(later), "")

	require.Len(t, s.deadLetters(), 1)
	require.Zero(t, s.quarantine("drop", listed[2].number()).code)
	require.Empty(t, s.deadLetters())
	require.Zero(t, s.quarantine("list").code)
	for _, command := range []string{"show", "retry", "drop"} {
		require.Equal(t, 1, s.quarantine(command, listed[2].number()).code, command)
	}
}

// While a NATS server is away no message can be dropped: drop waits for it once, and not for each message.
func TestDropStopsWhileAServerIsAway(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	s := startReplicas(t, 1, cluster.URL())[0]
	_, js := connect(t, cluster.URL())
	for n := range int64(3) {
		project(t, js, "ProjectArchived", n+1, "")
	}
	eventually(t, func() bool { return len(s.deadLetters()) == 3 }, "all are in quarantine")
	cluster.Stop(2)
	dropped := s.quarantine("drop", "--all")
	require.Equal(t, 1, dropped.code)
	require.Empty(t, dropped.stdout)
	require.Contains(t, dropped.stderr, "a NATS server does not respond, and would keep the message")
	require.Len(t, s.deadLetters(), 3)
}
