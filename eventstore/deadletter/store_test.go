package deadletter_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"clients/eventstore/deadletter"
	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// onServers returns the dead letters of a cluster of n servers.
func onServers(t testing.TB, servers int) *deadletter.Store {
	t.Helper()
	return created(t, natstest.Run(t, servers).Connect(t, 0), servers)
}

func created(t testing.TB, nc *nats.Conn, replicas int) *deadletter.Store {
	t.Helper()
	q := deadletter.New(nc)
	require.NoError(t, q.Ensure(deadline(t), replicas, slog.New(slog.DiscardHandler)))
	return q
}

func deadline(t testing.TB) context.Context { return natstest.Deadline(t) }

// poison is message n of a source.
func poison(n uint64) upstream.Message {
	return upstream.Message{
		Stream: "PROJECTS", Created: time.Unix(1, 7).UTC(), Sequence: n, StoredAt: time.Unix(2, 8).UTC(),
		Subject: "projects.acme.5", Header: nats.Header{"ce-id": {"5"}}, Data: []byte("{"),
	}
}

func TestAMessageInQuarantineIsKeptAsItWas(t *testing.T) {
	t.Parallel()
	q := onServers(t, 1)
	odd := poison(7)
	odd.Data = []byte("\x00\xff\r\nNATS/1.0\r\n\r\n")
	odd.Header = nats.Header{
		"Nats-Msg-Id": {"5"}, "nats-expected-last-sequence": {"99"}, "Nats-Rollup": {"all"}, "Nats-TTL": {"1s"}, "Nats-Incr": {"1"},
		"Nats-Batch-Id": {"b"}, "Nats-Schedule": {"@every 1s"}, "Quarantine-Reason": {"none"}, "quarantine-detail": {"none"}, "Quarantine-Set-Aside-Nats-Msg-Id": {"6"},
		"two": {"values", "of it"}, "empty": {""}, "Status": {"409"}, "ce-id": {"5"}, "CE-ID": {"6"},
		"ce-type ": {"a"}, "a b": {"c"}, "\tb": {"c"}, "é": {"ü"}, "\xff\x00": {"x"}, "{\"a\"": {"1}"}, "100%+1": {"x"}, "Nats-%2": {"x"},
	}
	bare := poison(8)
	bare.Header, bare.Data = nil, nil
	for n, m := range []upstream.Message{poison(6), odd, bare} {
		fresh, err := q.Put(deadline(t), m, "unreadable", "it ends\r\nearly\x00: \"{\"")
		require.NoError(t, err)
		require.True(t, fresh)
		found, err := q.Get(deadline(t), uint64(n+1))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), found.At, 10*time.Second)
		found.At = time.Time{}
		if m.Header == nil {
			m.Header, found.Message.Data = nats.Header{}, nil
		}
		require.Equal(t, deadletter.Letter{Number: uint64(n + 1), Reason: "unreadable", Detail: "it ends  early : \"{\"", Message: m}, found)
	}
}

func TestAMessageIsPutIntoQuarantineOnce(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			q := onServers(t, servers)
			recreated := poison(1)
			recreated.Created = recreated.Created.Add(time.Nanosecond)
			elsewhere := poison(1)
			elsewhere.Stream = "INVOICES"
			for n, test := range []struct {
				message upstream.Message
				stored  bool
			}{{poison(1), true}, {poison(1), false}, {poison(2), true}, {recreated, true}, {elsewhere, true}, {poison(1), false}} {
				stored, err := q.Put(deadline(t), test.message, "unreadable", "")
				require.NoError(t, err)
				require.Equal(t, test.stored, stored, n)
			}
			require.Len(t, list(t, q), 4)
		})
	}
}

// A message with any content can be stored, so that it does not block the messages after it.
func TestATooLargeMessageIsKeptWithoutItsData(t *testing.T) {
	t.Parallel()
	q := onServers(t, 1)
	data, headers := poison(1), poison(2)
	data.Data = bytes.Repeat([]byte("x"), 1<<20-20)
	headers.Header = nats.Header{"large": {strings.Repeat("x", 65_000)}, "Nats-Msg-Id": {strings.Repeat("y", 400)}}
	for n, m := range []upstream.Message{data, headers} {
		for _, fresh := range []bool{true, false} {
			got, err := q.Put(deadline(t), m, "unreadable", strings.Repeat("é", 70_000))
			require.NoError(t, err)
			require.Equal(t, fresh, got)
		}
		found, err := q.Get(deadline(t), uint64(n+1))
		require.NoError(t, err)
		require.Equal(t, m.Sequence, found.Message.Sequence)
		require.Equal(t, m.Subject, found.Message.Subject)
		require.Equal(t, m.StoredAt, found.Message.StoredAt)
		require.Empty(t, found.Message.Data)
		require.Empty(t, found.Message.Header)
		require.Contains(t, found.Detail, "ééé")
		require.Contains(t, found.Detail, "kept without headers and data")
	}
}

func TestAMissingStreamIsErrNoStream(t *testing.T) {
	t.Parallel()
	q := deadletter.New(natstest.Run(t, 1).Connect(t, 0))
	_, putting := q.Put(deadline(t), poison(1), "unreadable", "")
	_, getting := q.Get(deadline(t), 1)
	listing := error(nil)
	for _, err := range q.All(deadline(t)) {
		listing = err
	}
	for what, err := range map[string]error{
		"put": putting, "get": getting, "list": listing, "drop": q.Drop(deadline(t), 1),
	} {
		require.ErrorIs(t, err, deadletter.ErrNoStream, what)
		require.NotErrorIs(t, err, deadletter.ErrNotFound, what)
		require.ErrorContains(t, err, "there is no stream CLIENTS_QUARANTINE", what)
	}
}

func TestQuarantineWithoutAServerIsAnError(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	q := created(t, cluster.Connect(t, 0), 1)
	cluster.Stop(0)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := q.Put(ctx, poison(1), "unreadable", "")
	require.Error(t, err)
	_, err = q.Get(ctx, 1)
	require.Error(t, err)
	require.NotErrorIs(t, err, deadletter.ErrNotFound)
	require.NotErrorIs(t, err, deadletter.ErrNoStream)
}

// After a stream was restored to an earlier state, another message may have the sequence of a dead letter.
func TestMessagesOfTwoGenerationsAreKept(t *testing.T) {
	t.Parallel()
	q := onServers(t, 1)
	for generation := range 2 {
		m := upstream.Message{Stream: "PROJECTS", Created: time.Unix(1, 0), Sequence: 5, Generation: generation, Subject: "projects.acme.7", Data: []byte{byte('0' + generation)}}
		for _, first := range []bool{true, false} {
			fresh, err := q.Put(deadline(t), m, "unreadable", "x")
			require.NoError(t, err)
			require.Equal(t, first, fresh)
		}
		kept, err := q.Get(deadline(t), uint64(generation+1))
		require.NoError(t, err)
		require.Equal(t, generation, kept.Message.Generation)
		require.Equal(t, m.Data, kept.Message.Data)
	}
}
