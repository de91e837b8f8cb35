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

// writer publishes events in flushes. One flush is under way at a time, and what comes meanwhile shares the next one. A flush
// publishes its events one by one, or together as an atomic batch, whichever is faster. Each event keeps its own condition; a
// batch that the stream refuses is published event by event.
//
// On one server n events take n syncs to disk one by one. A batch, however many events it has, takes batchOverhead and one
// sync if it is staged in memory, otherwise eight or nine. How long a sync takes just now is measured: an event that could
// not be stored before its deadline is not sent. Servers of a cluster store many events at once, and what the last ones took
// may have been an election: there all events are sent.
type writer struct {
	api        *jsapi.Client
	guard      *guard
	readOnly   *readOnly
	replicated bool                            // the stream has replicas
	stage      func(id string, size int) error // see Config; nil if batches are not staged in memory

	open         sync.RWMutex // held by those who publish; closing waits for them
	closed       bool
	queue        chan *pending
	ended        chan struct{}
	syncTime     average   // of an event that is published by itself while others are, too: about one sync
	stagedOnDisk time.Time // when a batch last was, although stage should keep it in memory; zero if the last one was not
	callers      int       // that may have an event for the next flush
}

const (
	maxBatch      = 500                    // the server takes 1,000
	diskSyncs     = 9                      // of a batch that is staged on disk
	memorySyncs   = 1                      // of one that is staged in memory, as by servers of a cluster
	memoryRetry   = 10 * time.Second       // after a batch was staged on disk, later ones are expected to be for so long
	batchOverhead = 500 * time.Microsecond // about what a batch takes beside its syncs
	minSyncTime   = 125 * time.Microsecond // taken for shorter ones, and while nothing is known of the disk
	maxGather     = 20 * time.Millisecond
)

// errTooSlow is why an event is not sent: it would not be acknowledged in time.
var errTooSlow = errors.New("the event store is too slow at the moment")

// start begins to publish.
func (w *writer) start() {
	w.queue, w.ended = make(chan *pending, maxBatch), make(chan struct{})
	w.syncTime.set(time.Millisecond / 2)
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

// gather takes what is waiting by now, in addition to first. If a batch for all callers is faster, it waits for their events, for
// half of what the batch takes: callers that just got a result may have more to store. Without that the callers would share
// the batches in two halves, each as long as the whole.
func (w *writer) gather(first *pending) []*pending {
	var timeout <-chan time.Time // nil once it waits no longer
	if w.batchIsFaster(w.callers) {
		timeout = time.After(min(w.batchTime()/2, maxGather))
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

// batchSyncs returns how many syncs a batch takes.
func (w *writer) batchSyncs() int {
	if w.replicated || w.stage != nil && time.Since(w.stagedOnDisk) > memoryRetry {
		return memorySyncs
	}
	return diskSyncs
}

// batchTime returns how long a batch takes.
func (w *writer) batchTime() time.Duration {
	return batchOverhead + time.Duration(w.batchSyncs())*w.syncTime.get()
}

// batchIsFaster reports whether so many events are stored sooner as a batch than one by one.
func (w *writer) batchIsFaster(events int) bool {
	syncTime := max(w.syncTime.get(), minSyncTime)
	return time.Duration(events)*syncTime > batchOverhead+time.Duration(w.batchSyncs())*syncTime
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
	if w.batchIsFaster(len(events)) {
		events = w.refuseLate(events, func(int) time.Duration { return w.batchTime() })
		if len(events) > 1 && w.flushTogether(events) {
			w.callers = n + len(w.queue) // all results came just now: none of these is back
			return
		}
	}
	w.flushSingly(events)
	w.callers = max(n, 1+len(w.queue)) // results came one by one: all but one of these may be back
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

// refuseLate refuses those events that cannot be stored before their deadline, and returns the others. takes is how long it is
// until the i-th of these is stored. One that was sent before has an unknown outcome, and is not refused.
func (w *writer) refuseLate(events []*pending, takes func(i int) time.Duration) (inTime []*pending) {
	for _, p := range events {
		needed := time.Duration(0)
		if !w.replicated {
			needed = takes(len(inTime)) * 5 / 4
		}
		if p.unknown || time.Until(p.deadline) > needed {
			inTime = append(inTime, p)
		} else {
			p.done <- published{err: domain.NoStore(errTooSlow)}
		}
	}
	return inTime
}
