package eventstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// flushSingly publishes each event by itself. Of many the first ones are measured before the others are published: if a batch of
// them was refused, what that took says little about single events.
func (w *writer) flushSingly(events []*pending) {
	if !w.replicated && len(events) > diskSyncs && !events[0].unknown {
		if took := w.publishAll(events[:diskSyncs]); took > 0 {
			w.syncTime.set(took)
		}
		events = events[diskSyncs:]
	}
	w.publishAll(events)
}

// publishAll publishes each event by itself, all at once, and returns what one of those that were stored now took, 0 if none was.
func (w *writer) publishAll(events []*pending) (each time.Duration) {
	events = w.refuseLate(events, func(i int) time.Duration { return time.Duration(i+1) * w.syncTime.get() })
	if len(events) == 0 {
		return 0
	}
	begun, expected := time.Now(), time.Duration(len(events))*w.syncTime.get()
	var group sync.WaitGroup
	var stored, took atomic.Int64
	for _, p := range events {
		if !w.replicated { // if that is as long as an election, an event of a cluster would be sent once
			p.expected = 2 * expected
		}
		group.Go(func() {
			result, err := w.publish(p)
			if err == nil && !p.unknown {
				stored.Add(1)
				took.Store(int64(time.Since(begun)))
			}
			p.done <- published{result, err}
		})
	}
	group.Wait()
	if n := stored.Load(); n > 0 {
		each = time.Duration(took.Load() / n)
		w.syncTime.observe(each)
	}
	return each
}

// flushTogether stores events as one atomic batch and reports whether it did. If not, or if that is unknown, each message
// can be sent again unchanged: it carries its own id and condition, so that what was stored is not stored twice.
func (w *writer) flushTogether(events []*pending) bool {
	if sameCreation(events) {
		return false
	}
	messages := make([]*nats.Msg, len(events))
	for i, p := range events {
		messages[i] = p.msg
	}
	before, err := w.guard.checkpoint()
	if err != nil {
		return false
	}
	begun, limit := time.Now(), max(publishAttempt, 2*w.batchTime())
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ack, err := w.publishStaged(ctx, messages)
	outcome := jsapi.Classify(err)
	if outcome == jsapi.Stored || ctx.Err() != nil { // at its limit: it takes that long at least, and the next limit is longer
		w.syncTime.observe(max(0, time.Since(begun)-batchOverhead) / time.Duration(w.batchSyncs()))
	}
	if outcome != jsapi.Stored {
		for _, p := range events {
			p.msg, p.unknown = jsapi.Single(p.msg), outcome == jsapi.Unknown
		}
		return false
	}
	first := ack.Sequence - uint64(len(events)) + 1
	if err = w.guard.checkAppended(first, before.Sequence); err != nil {
		err = unknownOutcome(err)
	}
	for i, p := range events {
		p.done <- published{domain.AppendResult{Sequence: first + uint64(i), Revision: p.revision}, err}
	}
	return true
}

// sameCreation reports whether two events create a client of the same id: the server checks the condition of a batch's
// messages against the stream, not against each other.
func sameCreation(events []*pending) bool {
	seen := make(map[string]bool)
	for _, p := range events {
		id := p.msg.Header.Get(jetstream.ExpectedLastSubjSeqSubjHeader)
		if id != "" && seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}

// publishStaged publishes messages of different clients as an atomic batch. It is the only kind that is staged in memory: each
// part of it is as valid as the whole.
func (w *writer) publishStaged(ctx context.Context, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	id, size := uuid.NewString(), 0
	for _, msg := range messages {
		size += msg.Size()
	}
	w.stagedOnDisk = time.Time{}
	if !w.replicated && w.stage != nil && w.stage(id, size) != nil {
		w.stagedOnDisk = time.Now()
	}
	return w.publishBatch(ctx, id, messages)
}

// publishBatch publishes messages as an atomic batch, see jsapi.Client.PublishBatch.
func (w *writer) publishBatch(ctx context.Context, id string, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	ack, err := w.api.PublishBatch(ctx, id, messages)
	if err == nil {
		w.readOnly.accepted(jsapi.LargestSize(messages...))
	}
	return ack, err
}

// average is how long something takes just now. The last times count most, and longer ones more. One that was
// not measured of late is halved again and again: what is not begun for being too slow is not measured either.
type average struct {
	mu       sync.Mutex
	took     time.Duration
	measured time.Time
}

// halfLife is for how long an average stays as it was measured, and then each half of it.
const halfLife = 5 * time.Second

func (a *average) get() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.took >> min(time.Since(a.measured)/halfLife, 63)
}

func (a *average) observe(took time.Duration) {
	before := a.get()
	weight := time.Duration(4)
	if took > before {
		weight = 2
	}
	a.set(before + (took-before)/weight)
}

func (a *average) set(took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took, a.measured = took, time.Now()
}
