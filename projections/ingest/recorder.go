package ingest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/references"
)

// Recorder records what the messages of one source say, each once and in the order of the source. Messages that come
// while others are being recorded are recorded together next.
type Recorder struct {
	config  Config
	metrics *ingestMetrics
	source  eventstore.Source
	wake    chan struct{}
	anew    bool // what is recorded next is stored though the stream seems to hold it; for the one who records alone

	mu       sync.Mutex
	waiting  []*item
	awaited  <-chan struct{} // closed when more is on record
	progress time.Time       // when it was met first
}

// item is a message that waits to be recorded.
type item struct {
	message eventstore.SourceMessage
	fact    domain.ReferenceEvent
	fault   error // it cannot be used
	since   time.Time
	done    chan error
	subject int64 // the client under whom its fact is kept; 0 before it is decided, and where it leads to none

	traceparent string // for what follows from it
}

// maxItems bounds a run: an item may make two entries.
const maxItems = eventstore.MaxBatch / 2

func newRecorder(config Config, metrics *ingestMetrics, source eventstore.Source) *Recorder {
	return &Recorder{config: config, metrics: metrics, source: source, wake: make(chan struct{}, 1)}
}

// Record returns as soon as it is on record, by whichever replica, what m says, or that it was passed where fault tells
// that it cannot be used. Then, and when it turns out that there is no such client, it answers an *Unusable first, so
// that m can be put into quarantine; called again with pass, it passes m.
//
// Messages are recorded in the order of their source: m waits for the one before it.
func (r *Recorder) Record(ctx context.Context, m eventstore.SourceMessage, fact domain.ReferenceEvent, fault error) error {
	i := &item{message: m, fact: fact, fault: fault, since: time.Now(), done: make(chan error, 1), traceparent: traceparent(ctx)}
	r.mu.Lock()
	r.waiting = append(r.waiting, i)
	r.mu.Unlock()
	r.nudge()
	select {
	case err := <-i.done:
		return err
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting = slices.DeleteFunc(r.waiting, func(w *item) bool { return w == i })
		return ctx.Err()
	}
}

// Pass records that m has been dealt with, and that nothing was learned from it.
func (r *Recorder) Pass(ctx context.Context, m eventstore.SourceMessage) error {
	return r.Record(ctx, m, domain.ReferenceEvent{Source: positionOf(m), StoredAt: m.StoredAt}, nil)
}

func (r *Recorder) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run records until ctx ends.
func (r *Recorder) run(ctx context.Context) {
	for ctx.Err() == nil {
		run, changed, wait := r.next()
		if len(run) > 0 {
			r.record(ctx, run)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-r.wake:
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// next answers what this replica has to record now, in order. Where that is nothing, it may be something when changed is
// closed or when so much time has passed.
func (r *Recorder) next() (run []*item, changed <-chan struct{}, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.waiting, func(a, b *item) int {
		return cmp.Or(a.message.Created.Compare(b.message.Created), cmp.Compare(a.message.Sequence, b.message.Sequence))
	})
	const idle = time.Minute
	wait = idle
	var kept []*item
	for len(r.waiting) > 0 {
		created := r.waiting[0].message.Created
		n := slices.IndexFunc(r.waiting, func(i *item) bool { return !i.message.Created.Equal(created) })
		if n < 0 {
			n = len(r.waiting)
		}
		reached, more := r.config.Directory.Reached(r.source.Stream, created)
		changed = more
		if more != r.awaited {
			r.awaited, r.progress = more, time.Now()
		}
		ready, rest := chain(r.waiting[:n], reached)
		r.waiting = r.waiting[n:]
		if len(ready) > 0 && len(run) == 0 {
			if left := r.left(ready[0], reached.Replica); left > 0 {
				wait = min(wait, left)
			} else {
				run, ready = ready, nil
			}
		}
		kept = append(append(kept, ready...), rest...)
	}
	r.waiting = kept
	if changed == nil {
		_, changed = r.config.Directory.Reached(r.source.Stream, time.Time{})
	}
	return run, changed, wait
}

// chain answers which messages of one stream, given in its order, follow on what has been reached without any between
// them, and which do not. Those that have been reached are done, and those of another round are to be read again.
func chain(items []*item, reached references.Reached) (ready, rest []*item) {
	last := reached.Sequence
	for n, i := range items {
		switch {
		case i.message.Round != reached.Generation:
			i.done <- errPutBack
		case i.message.Sequence <= last && len(ready) == 0:
			i.done <- nil
		case i.message.Previous <= last && i.message.Sequence > last && len(ready) < maxItems:
			ready = append(ready, i)
			last = i.message.Sequence
		default:
			return ready, append(rest, items[n:]...)
		}
	}
	return ready, rest
}

// left is how long the replica that recorded last is waited for: it is to get on within its time.
func (r *Recorder) left(head *item, recorder string) time.Duration {
	if r.config.Patience == 0 || recorder == r.config.Replica || recorder == "" {
		return 0
	}
	since := head.since
	if r.progress.After(since) {
		since = r.progress
	}
	return r.config.Patience - time.Since(since)
}
