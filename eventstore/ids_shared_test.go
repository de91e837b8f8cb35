package eventstore_test

import (
	"errors"
	"testing"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

func createdIn(account string, id int64) domain.Envelope {
	e := created(id)
	e.Account = account
	return e
}

// A counter that is recreated while replicas run returns ids that some of them have not used yet. The stream accepts only the
// first client with an id, whichever account it belongs to.
func TestAnIDThatIsReturnedTwiceIsUsedOnce(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleOrReplicated(t, servers)
			b := openStore(t, a.Conn(), servers)
			first, err := a.NextID(deadline(t), 0)
			require.NoError(t, err)
			require.NoError(t, a.JetStream().DeleteStream(deadline(t), eventstore.IDStream))
			second, err := b.NextID(deadline(t), 0)
			require.NoError(t, err)
			require.Equal(t, first, second)

			_, err = a.Append(deadline(t), createdIn("a", first), 0)
			require.NoError(t, err)
			_, err = b.Append(deadline(t), createdIn("b", second), 0)
			require.ErrorIs(t, err, domain.ErrConflict)
			event, none := createdIn("b", second), uint64(0)
			_, err = b.AppendBatch(deadline(t), []eventstore.Entry{{Event: &event, LastSequence: &none}})
			require.ErrorIs(t, err, domain.ErrConflict)

			for id := second + 1; id < second+20; id++ {
				errs := make(chan error, 2)
				for account, s := range map[string]*eventstore.Store{"a": a, "b": b} {
					go func() { _, err := s.Append(deadline(t), createdIn(account, id), 0); errs <- err }()
				}
				one, other := <-errs, <-errs
				require.True(t, (one == nil) != (other == nil), "%v, %v", one, other)
				require.ErrorIs(t, errors.Join(one, other), domain.ErrConflict)
			}
		})
	}
}

// The server checks the conditions of a batch against the stream alone, not against other messages of the batch.
func TestTwoClientsWithOneIDShareNoBatch(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for _, test := range []struct {
		first, second domain.Envelope
		want          bool
	}{
		{createdIn("a", 1), createdIn("b", 2), true},
		{createdIn("a", 3), createdIn("b", 3), false},
		{createdIn("a", 4), createdIn("c", 2), false},
	} {
		_, together := s.FlushTogether(test.first, test.second)
		require.Equal(t, test.want, together)
	}
	require.Len(t, stored(t, s), 2)
}
