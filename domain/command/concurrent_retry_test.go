package command_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

type response struct {
	result command.Result
	err    error
}

// start handles a request through a replica of its own, and returns the channel of the response.
func (w *world) start(ctx context.Context, request command.Request) chan response {
	return startOn(ctx, w.replica(), request)
}

func startOn(ctx context.Context, h *command.Handler, request command.Request) chan response {
	responses := make(chan response, 1)
	go func() {
		result, err := h.Handle(ctx, request)
		responses <- response{result, err}
	}()
	return responses
}

// hold blocks the first append, before or after it is stored, until the returned function is called.
func hold(at *func(attempt int) error) (release func()) {
	held := make(chan struct{})
	*at = func(attempt int) error {
		if attempt == 1 {
			<-held
		}
		return nil
	}
	return func() { close(held) }
}

func TestAConcurrentRetryWaitsForTheFirstResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		release := hold(&w.beforeAppend)
		first := w.start(t.Context(), keyed(toggle()))
		synctest.Wait()
		second := w.start(t.Context(), keyed(toggle()))
		<-time.After(patience / 2) // by the bubble's clock
		require.Equal(t, 1, w.attempts())
		release()
		one, two := <-first, <-second
		require.NoError(t, one.err)
		require.Equal(t, one, two)
		require.Len(t, w.events(7), 2)
		w.ended(t, command.Applied, command.Duplicate)
	})
}

// patience is how long a retry waits before it takes over.
const patience = time.Second

func TestAConcurrentRetryTakesOverFromAHangingRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request command.Request
		held    func(*world) *func(int) error
	}{
		"before an update is stored": {toggle(), func(w *world) *func(int) error { return &w.beforeAppend }},
		"after an update is stored":  {toggle(), func(w *world) *func(int) error { return &w.afterAppend }},
		"before a create is stored":  {create("A"), func(w *world) *func(int) error { return &w.beforeAppend }},
		"after a create is stored":   {create("A"), func(w *world) *func(int) error { return &w.afterAppend }},
		"before a delete is stored":  {remove(), func(w *world) *func(int) error { return &w.beforeAppend }},
		"after a delete is stored":   {remove(), func(w *world) *func(int) error { return &w.afterAppend }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				release := hold(c.held(w))
				first := w.start(t.Context(), keyed(c.request))
				synctest.Wait()
				two := <-w.start(t.Context(), keyed(c.request))
				require.NoError(t, two.err)
				require.Len(t, w.stream, 2)

				release()
				one := <-first
				require.NoError(t, one.err)
				require.Equal(t, two.result, one.result)
				require.Len(t, w.stream, 2, "two requests, one event")
				require.Equal(t, &one.result.Revision, w.keys[acme+"/key"].Result)
			})
		})
	}
}

func TestManyConcurrentRetriesLeadToOneEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var retries []chan response
		for range 20 {
			retries = append(retries, w.start(t.Context(), keyed(create("A"))))
		}
		first := <-retries[0]
		require.NoError(t, first.err)
		for _, retry := range retries[1:] {
			require.Equal(t, first, <-retry)
		}
		require.Len(t, w.stream, 1)
	})
}

func TestAConcurrentRetryOfARefusedCommandIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		held := make(chan struct{})
		w.beforeAppend = func(int) error {
			<-held
			w.storeElsewhere(domain.ClientDeleted{ID: 7})
			return nil
		}
		first := w.start(t.Context(), keyed(toggle()))
		synctest.Wait()
		second := w.start(t.Context(), keyed(toggle()))
		synctest.Wait()
		close(held)
		requireKind(t, domain.NotFound, (<-first).err)
		requireKind(t, domain.NotFound, (<-second).err)
		require.Empty(t, w.keys)
		require.Len(t, w.events(7), 2)
	})
}

// A caller that closed its sending side may look like one that disconnected.
func TestACommandContinuesWithoutItsCaller(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{"without a key": toggle(), "with a key": keyed(toggle())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := w.replica().Handle(gone, request)
			require.NoError(t, err)
			require.Len(t, w.events(7), 2)
		})
	}
}
