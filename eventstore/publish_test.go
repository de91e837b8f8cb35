package eventstore_test

import (
	"context"
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// A refusal may come from a leader that was replaced, while its successor stores the event.
func TestARefusalCountsOnceThereIsANewerEvent(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	refused := func(e domain.Envelope, lastSequence uint64, patience time.Duration) (domain.AppendResult, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return s.ConfirmConflict(ctx, e, lastSequence)
	}
	own := happened(2, domain.ClientToggled{ID: 1})
	_, err = refused(own, first.Sequence, 100*time.Millisecond)
	require.ErrorIs(t, err, domain.ErrUnknownOutcome, "it may yet be stored")

	second, err := s.Append(deadline(t), own, first.Sequence)
	require.NoError(t, err)
	result, err := refused(own, first.Sequence, time.Minute)
	require.NoError(t, err)
	require.Equal(t, second, result)
	_, err = refused(happened(2, domain.ClientToggled{ID: 1}), first.Sequence, time.Minute)
	require.ErrorIs(t, err, domain.ErrConflict)

	_, err = s.Append(deadline(t), happened(3, domain.ClientDeleted{ID: 1}), second.Sequence)
	require.NoError(t, err)
	result, err = refused(own, first.Sequence, time.Minute)
	require.NoError(t, err)
	require.Equal(t, second, result)
	another := created(1)
	another.Account = "another"
	_, err = refused(another, 0, time.Minute)
	require.ErrorIs(t, err, domain.ErrConflict)
}
