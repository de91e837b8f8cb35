package eventstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
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

// What was sent as part of a batch may be stored, also if the stream turns out to be another one before it is sent again.
func TestAnUnknownOutcomeStaysUnknownOnAReplacedStream(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.AdvanceTo(eventstore.Checkpoint{Sequence: 100})
	_, err := s.LastSequence(deadline(t))
	require.ErrorIs(t, err, eventstore.ErrReplaced)
	for _, sent := range []bool{true, false} {
		_, err = s.PublishSingly(created(1), sent, func(*nats.Msg) {})
		require.ErrorIs(t, err, eventstore.ErrReplaced)
		require.Equal(t, sent, errors.Is(err, domain.ErrUnknownOutcome))
	}
}
