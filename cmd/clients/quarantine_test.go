package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// What cannot be used is kept with its reason and counted, and what comes behind it does not wait.
func TestUnusableMessagesGoIntoQuarantine(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id, gone := a.named("SuprCorp"), a.named("Gone")
	a.want(200, "DELETE", path(gone), "")
	client := fmt.Sprintf(`"client_id":%d`, id)
	broken := project("Created", 1, client)
	broken.data = "{"
	unknownType := project("Archived", 2, client)
	for _, bad := range []struct {
		event  said
		reason string
		detail string
	}{
		{broken, "unreadable", "unexpected end of JSON"},
		{unknownType, "unknown-type", "projects.v1.ProjectArchived"},
		{project("Created", 3, `"client_id":999999`), "unknown-client", "client 999999"},
		{project("Created", 4, fmt.Sprintf(`"client_id":%d`, gone)), "deleted-client", fmt.Sprintf("client %d", gone)},
		{project("Toggled", 5, `"active":true`), "unknown-client", "project 5 is not known"},
	} {
		before := a.labelled("clients_quarantined_total", `reason="`+bad.reason+`",stream="PROJECTS"`)
		m := bad.event.message()
		sequence := other.publish(m.Subject, m.Header, string(m.Data))
		other.say(project("Created", 1000+int64(sequence), client)) // it does not wait
		require.Contains(t, a.want(400, "DELETE", path(id), "").message(t), "active project")
		require.Equal(t, before+1, a.labelled("clients_quarantined_total", `reason="`+bad.reason+`",stream="PROJECTS"`))

		listed := a.quarantined()
		last := listed[len(listed)-1]
		require.Equal(t, bad.reason, last.Reason)
		require.Contains(t, last.Detail, bad.detail)
		require.Equal(t, "PROJECTS", last.Stream)
		require.Equal(t, sequence, last.Sequence)
		require.Equal(t, bad.event.subject, last.Subject)

		code, shown, _ := a.quarantine("show", strconv.FormatUint(last.Number, 10))
		require.Zero(t, code)
		require.Contains(t, shown, "header    ce-id: "+m.Header.Get("ce-id"))
		require.Contains(t, shown, "data      "+bad.event.data)
		require.Contains(t, shown, fmt.Sprintf("sequence %d of stream PROJECTS", sequence))
	}
	other.publish("projects.default.77", nil, "hello")
	other.publish("projects.x", nats.Header{"ce-type": {"projects.v1.ProjectCreated"}}, "{}")
	a.want(400, "DELETE", path(id), "")
	require.Len(t, a.quarantined(), 7)
	a = a.relaunch()
	a.want(400, "DELETE", path(id), "")
	require.Len(t, a.quarantined(), 7, "none comes twice")
}

// An operator tries again what can be used by now, and drops what never can.
func TestQuarantineIsEmptiedByAnOperator(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id := a.named("SuprCorp")
	later := id + 1
	other.say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, later)), project("Toggled", 1, `"active":false`), project("Archived", 2, ""))
	code, out, _ := a.quarantine("list")
	require.Zero(t, code)
	eventually(t, "three are listed", func() bool { _, out, _ = a.quarantine("list"); return strings.Count(out, "\n") == 4 })
	require.Contains(t, out, "projects.v1.ProjectArchived")

	require.Equal(t, later, a.named("Later"))
	listed := a.quarantined()
	number := func(i int) string { return strconv.FormatUint(listed[i].Number, 10) }
	code, out, _ = a.quarantine("retry", number(0))
	require.Zero(t, code, out)
	require.Contains(t, out, number(0)+": recorded")
	require.Contains(t, a.want(400, "DELETE", path(later), "").message(t), "1 active project")
	code, out, stderr := a.quarantine("retry", "--all")
	require.Equal(t, 1, code)
	require.Contains(t, out, number(1)+": recorded")
	require.Contains(t, out, number(2)+": unknown-type: projects.v1.ProjectArchived")
	require.Contains(t, stderr, "1 of 2 messages still as before")
	require.Contains(t, a.want(400, "DELETE", path(later), "").message(t), "1 inactive project")

	code, out, _ = a.quarantine("drop", number(2))
	require.Zero(t, code, out)
	_, out, _ = a.quarantine("list")
	require.Equal(t, "Nothing is in quarantine.\n", out)
	for _, gone := range []string{"show", "retry", "drop"} {
		code, out, stderr = a.quarantine(gone, number(2))
		require.Equal(t, 1, code)
		require.Contains(t, out+stderr, "there is no such message in quarantine")
	}
}

// A late fact takes its place behind what the other service has said since.
func TestARetryDoesNotOverrideWhatWasSaidSince(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id := a.named("SuprCorp")
	later := id + 1
	other.say(
		project("Created", 1, fmt.Sprintf(`"client_id":%d`, later)), // unknown
		project("Created", 1, fmt.Sprintf(`"client_id":%d,"active":false`, id)),
	)
	eventually(t, "it is in quarantine", func() bool { return len(a.quarantined()) == 1 })
	require.Equal(t, later, a.named("Later"))
	code, out, _ := a.quarantine("retry", "--all")
	require.Zero(t, code, out)
	require.Contains(t, a.want(400, "DELETE", path(id), "").message(t), "1 inactive project")
	a.want(200, "DELETE", path(later), "")
}

func TestQuarantineSaysWhatIsWrongWithItsUse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"retry"}, {"drop"}, {"drop", "--all", "1"}, {"show"}, {"show", "x"}, {"list", "--nats-url", "://"}} {
		code, _, stderr := runInProcess(t, append([]string{"quarantine"}, args...)...)
		require.Equal(t, 2, code, args)
		require.NotEmpty(t, stderr)
	}
	code, _, stderr := runInProcess(t, "quarantine", "list", "--nats-url", "127.0.0.1:1")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "127.0.0.1:1")
}

type listedMessage struct {
	Number, Sequence                      uint64
	Stream, Subject, Type, Reason, Detail string
}

// quarantined is what list --json shows.
func (a *app) quarantined() []listedMessage {
	a.t.Helper()
	code, out, stderr := a.quarantine("list", "--json")
	require.Zero(a.t, code, stderr)
	var all []listedMessage
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var m listedMessage
		require.NoError(a.t, decoder.Decode(&m))
		all = append(all, m)
	}
	return all
}

func (a *app) quarantine(args ...string) (code int, stdout, stderr string) {
	a.t.Helper()
	return runInProcess(a.t, append([]string{"quarantine", "--nats-url", a.adminURL()}, args...)...)
}
