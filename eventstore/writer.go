package eventstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
)

// writer publishes events. One flush is under way at a time, and what comes meanwhile shares the next one. A flush
// publishes its events one by one, or together as an atomic batch, whichever takes less time: on one server a single
// event costs one sync to disk, one after the other, and a batch, however many events it has, one if it is staged in memory and
// otherwise eight or nine, and the staging. How long a sync takes just now is measured. On one server an event that could not be
// stored before its deadline is not sent. Several servers store many events at once, and what the last ones took may have been an
// election. Each event keeps its own condition; a batch that the stream refuses is published event by event.
type writer struct {
	api        *jsapi.Client
	guard      *guard
	readOnly   *readOnly
	replicated bool                            // the stream has replicas
	stage      func(id string, size int) error // see Config; nil if batches are not staged in memory

	open    sync.RWMutex // held by those who publish; closing waits for them
	closed  bool
	queue   chan *pending
	ended   chan struct{}
	cost    cost      // of an event that is published by itself, while others are, too: about that of a sync
	onDisk  time.Time // when a batch was last staged on disk although others are in memory; zero if the last one was not
	callers int       // who may have an event for the next flush: those of the last one, and those who waited for its end
}

const (
	maxBatch    = 500                    // the server takes 1,000
	diskSyncs   = 9                      // of a batch that is staged on disk
	memorySyncs = 1                      // of one that is staged in memory, as by servers of a cluster
	stagingCost = 500 * time.Microsecond // about what a batch takes beside its syncs
	fastSync    = 125 * time.Microsecond // what a sync takes at least, or is taken to on a disk of which nothing is known
	onDiskFor   = 10 * time.Second       // then a batch is taken to be staged in memory again
	gatherShare = 2                      // of what a batch costs: waited for callers that just got a result and may have more to store
	maxGather   = 20 * time.Millisecond
)

// errTooSlow is why an event is not sent: it would not be acknowledged in time.
var errTooSlow = errors.New("the event store is too slow at the moment")

// start begins to publish.
func (w *writer) start() {
	w.queue, w.ended = make(chan *pending, maxBatch), make(chan struct{})
	w.cost.set(time.Millisecond / 2)
	go func() {
		defer close(w.ended)
		for p := range w.queue {
			w.flush(w.gather(p))
		}
	}()
}

// close refuses further events, and returns when those under way have ended.
func (w *writer) close() {
	w.open.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.open.Unlock()
	<-w.ended
}

// append publishes p and waits for its outcome. Once ctx has ended, an event that waits for the next flush is never sent.
func (w *writer) append(ctx context.Context, p *pending) (domain.AppendResult, error) {
	w.open.RLock()
	defer w.open.RUnlock()
	if w.closed {
		return domain.AppendResult{}, domain.NoStore(nats.ErrConnectionClosed)
	}
	select {
	case w.queue <- p:
	case <-ctx.Done():
		return domain.AppendResult{}, domain.NoStore(ctx.Err())
	}
	select {
	case p := <-p.done:
		return p.result, p.err
	case <-ctx.Done():
		if p.taken.CompareAndSwap(false, true) {
			return domain.AppendResult{}, domain.NoStore(ctx.Err())
		}
		return domain.AppendResult{}, unknownOutcome(ctx.Err())
	}
}

// gather takes what is waiting by now, in addition to first. If a batch for all callers is worth it, it waits a moment for those that
// just got a result: without that they would share the batches in two halves, each as long as the whole.
func (w *writer) gather(first *pending) []*pending {
	var timeout <-chan time.Time // nil once it waits no longer
	if w.suitsBatch(w.callers) {
		timeout = time.After(min(w.batchCost()/gatherShare, maxGather))
	}
	batch := take(nil, first)
	for len(batch) < maxBatch && (len(w.queue) > 0 || timeout != nil && len(batch) < w.callers) {
		select {
		case p, open := <-w.queue:
			if !open {
				return batch
			}
			batch = take(batch, p)
		case <-timeout:
			timeout = nil
		}
	}
	return batch
}

// syncs returns how many syncs a batch takes.
func (w *writer) syncs() int {
	if w.replicated || w.stage != nil && time.Since(w.onDisk) > onDiskFor {
		return memorySyncs
	}
	return diskSyncs
}

// batchCost returns how long a batch takes.
func (w *writer) batchCost() time.Duration {
	return stagingCost + time.Duration(w.syncs())*w.cost.get()
}

// suitsBatch reports whether so many events take longer than a batch, each by itself.
func (w *writer) suitsBatch(events int) bool {
	sync := max(w.cost.get(), fastSync)
	return time.Duration(events)*sync > stagingCost+time.Duration(w.syncs())*sync
}

// take adds p to a batch, unless its caller has given up on it.
func take(batch []*pending, p *pending) []*pending {
	if p.taken.CompareAndSwap(false, true) {
		batch = append(batch, p)
	}
	return batch
}

// flush stores events that are taken, and returns when the outcome of each is known, or known to be unknown.
func (w *writer) flush(events []*pending) {
	n := len(events)
	events = slices.DeleteFunc(events, w.publishLeased)
	if w.suitsBatch(len(events)) {
		events = w.refuseLate(events, func(int) time.Duration { return w.batchCost() })
		if len(events) > 1 && w.flushTogether(events) {
			w.callers = n + len(w.queue)
			return
		}
	}
	w.flushSingly(events)
	w.callers = max(n, 1+len(w.queue)) // all but the last one may be back
}

// publishLeased publishes an event by itself if its lease is due, and reports whether it is: other events, and later
// flushes, do not wait until the lease is confirmed.
func (w *writer) publishLeased(p *pending) (due bool) {
	if p.lease == nil || !p.lease.Due() {
		return false
	}
	go func() {
		result, err := w.publish(p)
		p.done <- published{result, err}
	}()
	return true
}

// refuseLate refuses those events that cannot be stored before their deadline, given how long the one at an index takes,
// and returns the others. One that was sent before has an unknown outcome, and is not refused.
func (w *writer) refuseLate(events []*pending, takes func(i int) time.Duration) (inTime []*pending) {
	for _, p := range events {
		expected := time.Duration(0)
		if !w.replicated {
			expected = takes(len(inTime)) * 5 / 4
		}
		if p.unknown || time.Until(p.deadline) > expected {
			inTime = append(inTime, p)
		} else {
			p.done <- published{err: domain.NoStore(errTooSlow)}
		}
	}
	return inTime
}
