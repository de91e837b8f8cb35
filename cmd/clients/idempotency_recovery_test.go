package main

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdempotencyKeyIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	var firsts []answer
	for i, w := range writes {
		firsts = append(firsts, a.do(w.method, fill(w.path, id), w.body, asXML, fmt.Sprintf("Idempotency-Key: key %d", i)))
	}
	last := a.tap().lastSequence()
	a = a.relaunch()
	for i, w := range writes {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		again := a.want(firsts[i].status, w.method, fill(w.path, id), w.body, asXML, key)
		require.Equal(t, firsts[i].header.Get("Location"), again.header.Get("Location"))
		if w.other != w.body {
			a.want(422, w.method, fill(w.path, id), w.other, asXML, key)
		}
	}
	require.Equal(t, last, a.tap().lastSequence())
}

func TestIdempotencyKeyOfConcurrentTwinsLeadsToOneEvent(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for i, w := range writes {
		last := a.tap().lastSequence()
		answers := make([]answer, 12)
		var all sync.WaitGroup
		for j := range answers {
			all.Go(func() {
				answers[j], _ = a.send(w.method, fill(w.path, id), w.body, asXML, fmt.Sprintf("Idempotency-Key: twin %d", i))
			})
		}
		all.Wait()
		for _, got := range answers {
			require.Less(t, got.status, 300, got.body)
			require.NotZero(t, got.status)
			require.Equal(t, answers[0].status, got.status)
			require.Equal(t, answers[0].header.Get("Location"), got.header.Get("Location"))
			require.Equal(t, answers[0].tag(), got.tag())
		}
		require.Equal(t, last+1, a.tap().lastSequence(), "%s %s", w.method, w.path)
	}
}

// A service that stops between storing an event and remembering the answer leaves a reservation without answer behind.
// The next request with the key finds the event in the stream.
func TestIdempotencyKeyIsSettledFromTheStream(t *testing.T) {
	t.Parallel()
	a := launch(t)
	targets := []int64{a.named("One"), a.named("Two"), a.named("Three"), a.named("Four")} // one for each of the writes
	repeat := func() []answer {                                                           // at once: each waits a moment for the request that might still be under way
		answers := make([]answer, len(writes))
		var all sync.WaitGroup
		for i, w := range writes {
			all.Go(func() {
				answers[i], _ = a.send(w.method, fill(w.path, targets[i]), w.body, asXML, fmt.Sprintf("Idempotency-Key: key %d", i))
			})
		}
		all.Wait()
		return answers
	}
	first := repeat()
	last := a.tap().lastSequence()
	forgetAnswers(t, a)
	again := repeat()
	for i := range writes {
		require.Less(t, first[i].status, 300, first[i].body)
		require.Equal(t, first[i].status, again[i].status, again[i].body)
		require.Equal(t, first[i].header.Get("Location"), again[i].header.Get("Location"))
		require.Equal(t, first[i].tag(), again[i].tag())
	}
	require.Equal(t, last, a.tap().lastSequence())
}

// forgetAnswers takes the answers out of everything that is remembered under idempotency keys.
func forgetAnswers(t *testing.T, a *app) {
	t.Helper()
	ctx := context.Background()
	bucket, err := a.tap().js.KeyValue(ctx, "CLIENTS_KEYS")
	require.NoError(t, err)
	keys, err := bucket.Keys(ctx)
	require.NoError(t, err)
	for _, key := range keys {
		entry, err := bucket.Get(ctx, key)
		require.NoError(t, err)
		reservation := fields(t, string(entry.Value()))
		delete(reservation, "answer")
		_, err = bucket.Put(ctx, key, []byte(jsonOf(t, reservation)))
		require.NoError(t, err)
	}
}
