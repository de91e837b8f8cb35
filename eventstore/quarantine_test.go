package eventstore

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func quarantineOf(t testing.TB, s *Store) *Quarantine {
	t.Helper()
	q, err := NewQuarantine(s.nc)
	require.NoError(t, err)
	return q
}

// unusable is message n of a source.
func unusable(n uint64) SourceMessage {
	return SourceMessage{
		Stream: "PROJECTS", Created: time.Unix(1, 7).UTC(), Sequence: n, StoredAt: time.Unix(2, 8).UTC(),
		Subject: "projects.acme.5", Header: nats.Header{"ce-id": {"5"}}, Data: []byte("{"),
	}
}

func TestAMessageInQuarantineIsKeptAsItWas(t *testing.T) {
	t.Parallel()
	q := quarantineOf(t, singleNode(t))
	odd := unusable(7)
	odd.Data = []byte("\x00\xff\r\nNATS/1.0\r\n\r\n")
	odd.Header = nats.Header{
		"Nats-Msg-Id": {"5"}, "nats-expected-last-sequence": {"99"}, "Nats-Rollup": {"all"}, "Nats-TTL": {"1s"}, "Nats-Incr": {"1"},
		"Nats-Batch-Id": {"b"}, "Nats-Schedule": {"@every 1s"}, "Quarantine-Reason": {"none"}, "quarantine-detail": {"none"}, "Quarantine-Set-Aside-Nats-Msg-Id": {"6"},
		"two": {"values", "of it"}, "empty": {""}, "Status": {"409"}, "ce-id": {"5"}, "CE-ID": {"6"},
	}
	bare := unusable(8)
	bare.Header, bare.Data = nil, nil
	for n, m := range []SourceMessage{unusable(6), odd, bare} {
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
		require.Equal(t, Quarantined{Number: uint64(n + 1), Reason: "unreadable", Detail: "it ends  early : \"{\"", Message: m}, found)
	}
}

func TestAMessageIsPutIntoQuarantineOnce(t *testing.T) {
	onOneAndThree(t, func(t *testing.T, s *Store) {
		q := quarantineOf(t, s)
		again := unusable(1)
		made := unusable(1)
		made.Created = made.Created.Add(time.Nanosecond) // the stream was made again
		elsewhere := unusable(1)
		elsewhere.Stream = "INVOICES"
		for n, test := range []struct {
			message SourceMessage
			fresh   bool
		}{{unusable(1), true}, {again, false}, {unusable(2), true}, {made, true}, {elsewhere, true}, {again, false}} {
			fresh, err := q.Put(deadline(t), test.message, "unreadable", "")
			require.NoError(t, err)
			require.Equal(t, test.fresh, fresh, n)
		}
		length, err := q.Len(deadline(t))
		require.NoError(t, err)
		require.Equal(t, uint64(4), length)
	})
}

// Whatever another service has made of a message, it must not stand in the way of those behind it.
func TestWhatIsTooLargeToBeKeptIsKeptWithoutItsData(t *testing.T) {
	t.Parallel()
	q := quarantineOf(t, singleNode(t))
	data, headers := unusable(1), unusable(2)
	data.Data = bytes.Repeat([]byte("x"), 1<<20-20)
	headers.Header = nats.Header{"large": {strings.Repeat("x", 65_000)}, "Nats-Msg-Id": {strings.Repeat("y", 400)}}
	for n, m := range []SourceMessage{data, headers} {
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
		require.Contains(t, found.Detail, "too large to be kept")
	}
}

func TestQuarantineIsListedInItsOrderWithoutWhatWasDropped(t *testing.T) {
	t.Parallel()
	q := quarantineOf(t, singleNode(t))
	list := func() (numbers []uint64) {
		for found, err := range q.All(deadline(t)) {
			require.NoError(t, err)
			require.Equal(t, found.Number, found.Message.Sequence)
			numbers = append(numbers, found.Number)
		}
		return numbers
	}
	require.Empty(t, list())
	for n := range uint64(6) {
		_, err := q.Put(deadline(t), unusable(n+1), "unreadable", "")
		require.NoError(t, err)
	}
	for _, n := range []uint64{1, 3, 4, 6} {
		require.NoError(t, q.Drop(deadline(t), n))
	}
	require.Equal(t, []uint64{2, 5}, list())
	for range q.All(deadline(t)) {
		break // whoever has seen enough may stop
	}
	for _, gone := range []uint64{0, 1, 3, 6, 7, 1 << 63, 1<<64 - 1} {
		_, err := q.Get(deadline(t), gone)
		require.ErrorIs(t, err, ErrNotQuarantined, gone)
		require.ErrorIs(t, q.Drop(deadline(t), gone), ErrNotQuarantined, gone)
	}
	require.Equal(t, []uint64{2, 5}, list())
}

func TestAMissingQuarantineIsSaidToBeMissing(t *testing.T) {
	t.Parallel()
	q, err := NewQuarantine(natstest.Run(t, 1).Connect(t, 0))
	require.NoError(t, err)
	_, putting := q.Put(deadline(t), unusable(1), "unreadable", "")
	_, getting := q.Get(deadline(t), 1)
	_, counting := q.Len(deadline(t))
	listing := error(nil)
	for _, err := range q.All(deadline(t)) {
		listing = err
	}
	for what, err := range map[string]error{
		"put": putting, "get": getting, "count": counting, "list": listing, "drop": q.Drop(deadline(t), 1),
	} {
		require.ErrorIs(t, err, ErrNoQuarantine, what)
		require.NotErrorIs(t, err, ErrNotQuarantined, what)
		require.ErrorContains(t, err, "there is no stream CLIENTS_QUARANTINE", what)
	}
}

func TestQuarantineWithoutAServerIsAnError(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	q := quarantineOf(t, openStore(t, cluster.Connect(t, 0), 1))
	cluster.Stop(0)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := q.Put(ctx, unusable(1), "unreadable", "")
	require.Error(t, err)
	_, err = q.Get(ctx, 1)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNotQuarantined)
	require.NotErrorIs(t, err, ErrNoQuarantine)
}

// After a source was put back to an earlier copy of itself, another message may stand where one in quarantine stood.
func TestQuarantineTellsRoundsApart(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	q, err := NewQuarantine(s.nc)
	require.NoError(t, err)
	for round := range 2 {
		m := SourceMessage{Stream: "PROJECTS", Created: time.Unix(1, 0), Sequence: 5, Round: round, Subject: "projects.acme.7", Data: []byte{byte('0' + round)}}
		for _, first := range []bool{true, false} {
			fresh, err := q.Put(deadline(t), m, "unreadable", "x")
			require.NoError(t, err)
			require.Equal(t, first, fresh)
		}
		kept, err := q.Get(deadline(t), uint64(round+1))
		require.NoError(t, err)
		require.Equal(t, round, kept.Message.Round)
		require.Equal(t, m.Data, kept.Message.Data)
	}
}
