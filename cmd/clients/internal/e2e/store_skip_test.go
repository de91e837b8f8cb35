package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func (s *service) skip(sequence uint64) result {
	s.t.Helper()
	return run(s.t, s.variables, "skip", strconv.FormatUint(sequence, 10), "--reason", "by hand")
}

// A message that stops the service is skipped while it runs, and in the store of one that does not start.
func TestASkippedMessageStopsNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	unknown := func() *nats.Msg { return envelope("clients.default.1", "clients.v9.ClientPraised", id, 2, `{"id":1}`) }
	for name, m := range map[string]*nats.Msg{
		"a version that is too high": clientEvent("default", "Toggled", id, 9, `"active":false`),
		"an unknown type":            unknown(),
	} {
		sequence := publish(t, s.administrator(t), m)
		eventually(t, func() bool { return !s.ready() }, "the service stops")
		r := s.skip(sequence)
		require.Zero(t, r.code, r.stderr)
		eventually(t, s.ready, "the service continues behind "+name)
		s.update(id, "<details>"+name+"</details>")
		require.Zero(t, s.skip(sequence).code, "again")
	}
	letters := s.deadLetters()
	require.Len(t, letters, 2)
	require.Equal(t, "skipped", letters[0].Reason)
	require.Contains(t, s.quarantine("show", "1").stdout, "by hand")
	require.Equal(t, 1, s.quarantine("retry", "1").code)
	last := lastSequence(t, s.administrator(t))
	foreign := publish(t, s.administrator(t), &nats.Msg{Subject: "clients.default.1", Data: []byte("foreign")})
	repeated := publish(t, s.administrator(t), clientEvent("default", "Toggled", id, 1, `"active":false`))
	for sequence, want := range map[uint64]string{
		1:            "the service does not stop at the message: the service applies it",
		last:         "the service does not stop at the message: the service applies it",
		foreign:      "the service does not stop at the message: it is foreign, and the service ignores it: no valid envelope",
		repeated:     "the service does not stop at the message: it is foreign, and the service ignores it: version 1 of client",
		repeated + 9: "the stream CLIENTS has no such message",
	} {
		r := s.skip(sequence)
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, fmt.Sprintf("error: skip %d: %s", sequence, want))
	}
	require.Equal(t, 2, run(t, s.variables, "skip", "0", "--reason", "x").code)
	for _, reason := range []string{" ", strings.Repeat("é", 501)} {
		r := run(t, s.variables, "skip", "1", "--reason", reason)
		require.Equal(t, 2, r.code)
		require.Contains(t, r.stderr, "--reason: must have 1 to 500 characters")
	}
	verify(t, s.variables).requireFaults(t)

	large := unknown()
	large.Data = make([]byte, 1<<20-600)
	sequence := publish(t, s.administrator(t), large)
	eventually(t, func() bool { return !s.ready() }, "the service stops")
	tooLarge := s.skip(sequence)
	require.Equal(t, 1, tooLarge.code)
	require.Contains(t, tooLarge.stderr, "too large for the quarantine")
	require.Contains(t, tooLarge.stderr, "hint: stop the service and run this again")
	s.kill()
	refused := launch(t, s.variables...)
	require.Equal(t, 1, refused.exitCode(t))
	require.Contains(t, refused.stderr.String(), fmt.Sprintf("clients skip %d --reason TEXT", sequence))
	r := s.skip(sequence)
	require.Zero(t, r.code, r.stderr)
	s = s.again(t)
	s.want(http.StatusOK, http.MethodGet, path(id), "")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	r = run(t, nil, "restore", backup(t, s), "--data-dir", filepath.Join(t.TempDir(), "data"))
	require.Zero(t, r.code, r.stderr)
	require.Zero(t, s.quarantine("drop", "1", "2", "3").code)
	verify(t, s.variables).requireFaults(t)
}
