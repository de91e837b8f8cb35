package command_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

func TestARetryReturnsTheFirstResult(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{
		"of a create": create("A"), "of an update": rename("B"), "of a toggle": toggle(), "of a delete": remove(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			first, err := w.replica().Handle(t.Context(), keyed(request))
			require.NoError(t, err)
			w.store(domain.ClientCreated{ID: 8, Name: "others go on"})
			stored := len(w.stream)

			again, err := w.replica().Handle(t.Context(), keyed(request)) // through any replica
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Len(t, w.stream, stored)
			w.ended(t, command.Applied, command.Duplicate)
		})
	}
}

func TestARetryReturnsTheFirstResultAfterLaterChanges(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	request := keyed(rename("B"))
	request.IfMatch = []domain.Revision{w.revision(7)}
	first, err := w.replica().Handle(t.Context(), request)
	require.NoError(t, err)
	w.store(domain.ClientDeleted{ID: 7})
	again, err := w.replica().Handle(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]*domain.Revision{"that is completed": {}, "that is in progress": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				stored := domain.IdempotencyRecord{Fingerprint: "another", ClientID: 7, EventID: "event-0", Result: result}
				w.keys[acme+"/key"] = stored
				start := time.Now()
				_, err := w.replica().Handle(t.Context(), keyed(rename("B")))
				requireKind(t, domain.KeyReused, err)
				require.Zero(t, time.Since(start), "there is nothing to wait for")
				require.Zero(t, w.attempts())
				require.Equal(t, stored, w.keys[acme+"/key"])
			})
		})
	}
}

func TestAKeyBelongsToItsAccount(t *testing.T) {
	t.Parallel()
	w := newWorld()
	first, err := w.replica().Handle(t.Context(), keyed(create("A")))
	require.NoError(t, err)
	request := keyed(create("B"))
	request.Account, request.Fingerprint = "other", "another"
	second, err := w.replica().Handle(t.Context(), request)
	require.NoError(t, err)
	require.NotEqual(t, first.ClientID, second.ClientID)
}

func TestARefusedOrUnchangedCommandReleasesItsKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before  []domain.Event
		request command.Request
		outcome command.Outcome
		since   []domain.Event
	}{
		"refused as it is":     {[]domain.Event{created}, rename(" "), command.Refused, nil},
		"refused by the state": {nil, rename("B"), command.Refused, []domain.Event{created}},
		"refused on create":    {nil, create(""), command.Refused, nil},
		"changed nothing":      {[]domain.Event{created}, rename("A"), command.Unchanged, []domain.Event{domain.ClientUpdated{ID: 7, Name: new("B")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(c.before...)
			_, _ = w.replica().Handle(t.Context(), keyed(c.request))
			w.ended(t, c.outcome)
			require.Empty(t, w.keys)

			w.store(c.since...)
			_, err := w.replica().Handle(t.Context(), keyed(c.request))
			require.Equal(t, c.since == nil, err != nil, "it is decided anew: %v", err)
			require.Equal(t, c.since == nil, len(w.keys) == 0)
		})
	}
}

func TestAKeyedCreateWhoseReservedIDIsTakenTakesTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.storeElsewhere(domain.ClientCreated{ID: 101, Name: "theirs"})
	h := w.replica()
	h.IDs = &counter{next: 101}
	result, err := h.Handle(t.Context(), keyed(create("A")))
	require.NoError(t, err)
	require.Equal(t, int64(102), result.ClientID)
	require.Len(t, w.events(101), 1)
	require.Equal(t, &result.Revision, w.keys[acme+"/key"].Result)
	require.Equal(t, int64(102), w.keys[acme+"/key"].ClientID)
}

// A foreign message that is stored after the id was reserved is no client that the directory could show.
func TestAKeyedCreatePassesOverAnIDThatAForeignMessageHas(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.foreign = map[int64]uint64{101: 1}
	h := w.replica()
	h.IDs = &counter{next: 101}
	result, err := h.Handle(t.Context(), keyed(create("A")))
	require.NoError(t, err)
	require.Equal(t, int64(102), result.ClientID)
	require.Equal(t, int64(102), w.keys[acme+"/key"].ClientID)
	again, err := h.Handle(t.Context(), keyed(create("A")))
	require.NoError(t, err)
	require.Equal(t, result, again)
}

// A counter of ids that was reset may return several ids in succession that are in use.
func TestAKeyedCreatePassesOverIDsThatAreTakenElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(domain.ClientCreated{ID: 101, Name: "gone"}, domain.ClientDeleted{ID: 101})
	w.stream = append(w.stream, domain.Envelope{EventID: "theirs", Account: "other", Event: domain.ClientCreated{ID: 102, Name: "theirs"}, Version: 1})
	h := w.replica()
	h.IDs = &counter{next: 101}
	result, err := h.Handle(t.Context(), keyed(create("A")))
	require.NoError(t, err)
	require.Equal(t, int64(103), result.ClientID)
	require.Equal(t, 2, w.attempts(), "one to learn that an id is taken which the directory did not show yet")
}

func TestRecordsThatCannotBeStored(t *testing.T) {
	t.Parallel()
	failure := domain.Errorf(domain.Unavailable, "no leader")
	t.Run("nothing is stored without a reservation", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.store(created)
		w.claimErr = failure
		_, err := w.replica().Handle(t.Context(), keyed(toggle()))
		require.ErrorIs(t, err, failure)
		require.Zero(t, w.attempts())
	})
	t.Run("a refusal is not returned while its record remains", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.releaseErr = failure
		_, err := w.replica().Handle(t.Context(), keyed(toggle()))
		require.ErrorIs(t, err, failure)
	})
	t.Run("a result that was not stored is found in the stream", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.completeErr = errors.New("no leader")
			first, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.NoError(t, err)
			again, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Len(t, w.stream, 2)
		})
	})
	t.Run("a result is stored although its caller disconnected", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.store(created)
		ctx, cancel := context.WithCancel(t.Context())
		w.afterAppend = func(int) error { cancel(); return nil }
		result, err := w.replica().Handle(ctx, keyed(toggle()))
		require.NoError(t, err)
		require.Equal(t, &result.Revision, w.keys[acme+"/key"].Result)
	})
}
