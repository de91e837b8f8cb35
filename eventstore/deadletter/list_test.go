package deadletter_test

import (
	"testing"

	"clients/eventstore/deadletter"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func list(t testing.TB, q *deadletter.Store) (letters []deadletter.Letter) {
	t.Helper()
	for letter, err := range q.All(deadline(t)) {
		require.NoError(t, err)
		letters = append(letters, letter)
	}
	return letters
}

func TestQuarantineIsListedInOrderWithoutDroppedMessages(t *testing.T) {
	t.Parallel()
	q := onServers(t, 1)
	numbers := func() (numbers []uint64) {
		for _, found := range list(t, q) {
			require.Equal(t, found.Number, found.Message.Sequence)
			numbers = append(numbers, found.Number)
		}
		return numbers
	}
	require.Empty(t, numbers())
	for n := range uint64(6) {
		_, err := q.Put(deadline(t), poison(n+1), "unreadable", "")
		require.NoError(t, err)
	}
	for _, n := range []uint64{1, 3, 4, 6} {
		require.NoError(t, q.Drop(deadline(t), n))
	}
	require.Equal(t, []uint64{2, 5}, numbers())
	for range q.All(deadline(t)) {
		break // the caller may stop early
	}
	for _, gone := range []uint64{0, 1, 3, 6, 7, 1 << 63, 1<<64 - 1} {
		_, err := q.Get(deadline(t), gone)
		require.ErrorIs(t, err, deadletter.ErrNotFound, gone)
		require.ErrorIs(t, q.Drop(deadline(t), gone), deadletter.ErrNotFound, gone)
	}
	require.Equal(t, []uint64{2, 5}, numbers())
}

// An operator waits for the list of many messages: they are not requested one by one.
func TestManyDeadLettersAreListedInAFewRequests(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	q := created(t, nc, 1)
	const letters = 1100
	for n := range uint64(letters) {
		_, err := q.Put(deadline(t), poison(n+1), "unreadable", "")
		require.NoError(t, err)
	}
	before := nc.Stats().OutMsgs
	require.Len(t, list(t, q), letters)
	require.Less(t, nc.Stats().OutMsgs-before, uint64(20))
}

// A message whose headers look like a status of the server does not end the list.
func TestMessagesThatLookLikeAStatusAreListed(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	q := created(t, nc, 1)
	statuses := []nats.Header{
		{"Status": {"404"}}, {"Status": {"503"}}, {"Status": {"204"}, "Description": {"EOB"}}, {"status": {"503"}}, {"Status": {"503"}},
		{"Nats-Num-Pending": {"0"}, "Nats-Sequence": {"7"}}, nil,
	}
	for n, header := range statuses {
		m := poison(uint64(n + 1))
		m.Header, m.Data = header, nil
		_, err := q.Put(deadline(t), m, "unreadable", "")
		require.NoError(t, err)
	}
	letters := list(t, q)
	require.Len(t, letters, len(statuses))
	for n, letter := range letters {
		require.EqualValues(t, n+1, letter.Number)
		one, err := q.Get(deadline(t), letter.Number)
		require.NoError(t, err)
		require.Equal(t, one, letter)
	}
}
