package eventstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// writer publishes events. One flush is under way at a time, and what comes meanwhile shares the next one. A flush
// publishes its events one by one, or together as an atomic batch, whichever is done sooner: on one server a single event
// costs one sync to disk, one after the other, and a batch eight or nine, however many events it has. What each costs just
// now is measured. An event that could not be stored before its deadline is not sent. Each event keeps its own condition; a
// batch that the stream refuses is published event by event.
type writer struct {
	store  *Store
	open   sync.RWMutex // held by those who publish; closing waits for them
	queue  chan *pending
	quit   chan struct{}
	ended  chan struct{}
	once   sync.Once
	single cost // of an event that is published by itself, when others are, too
	batch  cost
	busy   atomic.Pointer[time.Time] // when the flush under way is expected to end; nil where there is none
}

const (
	minBatch    = 16  // of facts: fewer are published one by one sooner
	maxBatch    = 500 // the server takes 1,000
	batchSyncs  = 9   // of a batch, where a single event has one: the first estimate
	gatherShare = 16  // of what a batch costs: waited for those who were just answered and have more to store
	maxGather   = 5 * time.Millisecond
)

func newWriter(s *Store) *writer {
	w := &writer{store: s, queue: make(chan *pending, maxBatch), quit: make(chan struct{}), ended: make(chan struct{})}
	w.single.set(time.Millisecond / 2)
	w.batch.set(batchSyncs * time.Millisecond / 2)
	go w.run()
	return w
}

// append publishes p and waits for its outcome. Once ctx has ended, an event that waits for the next flush is never sent.
func (w *writer) append(ctx context.Context, p *pending) (domain.AppendResult, error) {
	w.open.RLock()
	defer w.open.RUnlock()
	if w.closed() {
		return domain.AppendResult{}, domain.NoStore(nats.ErrConnectionClosed)
	}
	if !w.inTime(p) {
		return domain.AppendResult{}, domain.NoStore(errTooSlow)
	}
	p.done = make(chan outcome, 1)
	select {
	case w.queue <- p:
	case <-ctx.Done():
		return domain.AppendResult{}, domain.NoStore(ctx.Err())
	}
	select {
	case result := <-p.done:
		return result.receipt, result.err
	case <-ctx.Done():
		if p.state.CompareAndSwap(waiting, abandoned) {
			return domain.AppendResult{}, domain.NoStore(ctx.Err())
		}
		return domain.AppendResult{}, unknownOutcome(ctx.Err())
	}
}

// inTime reports whether an event can be stored before its deadline if it is sent behind the flush under way.
func (w *writer) inTime(p *pending) bool {
	expected := min(w.single.get(), w.batch.get())
	if end := w.busy.Load(); end != nil {
		expected += max(0, time.Until(*end))
	}
	return p.leaves(expected)
}

// flushing says how long the flush under way is expected to go on.
func (w *writer) flushing(expected time.Duration) {
	end := time.Now().Add(expected)
	w.busy.Store(&end)
}

// leaves reports whether there is time until the deadline for what is expected to take so long.
func (p *pending) leaves(expected time.Duration) bool {
	return time.Until(p.deadline) > expected+expected/4
}

// close refuses further events, and returns when those under way have ended.
func (w *writer) close() {
	w.once.Do(func() {
		w.open.Lock()
		defer w.open.Unlock()
		close(w.quit)
	})
	<-w.ended
}

func (w *writer) closed() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case p := <-w.queue:
			w.flush(w.gather(p))
		case <-w.quit: // nobody waits in the queue any more
			return
		}
	}
}

// gather takes what is waiting by now, in addition to first, and where there is more than first what comes in a moment.
func (w *writer) gather(first *pending) []*pending {
	batch := w.waiting(take(nil, first))
	if len(batch) > 1 {
		time.Sleep(min(w.batch.get()/gatherShare, maxGather))
		batch = w.waiting(batch)
	}
	return batch
}

func (w *writer) waiting(batch []*pending) []*pending {
	for len(batch) < maxBatch {
		select {
		case p := <-w.queue:
			batch = take(batch, p)
		default:
			return batch
		}
	}
	return batch
}

// take adds p to a batch, unless its caller has given up on it.
func take(batch []*pending, p *pending) []*pending {
	if p.state.CompareAndSwap(waiting, sent) {
		batch = append(batch, p)
	}
	return batch
}

// flush stores events that are taken, and returns when the outcome of each is known, or that it is not.
func (w *writer) flush(events []*pending) {
	events = slices.DeleteFunc(events, func(p *pending) bool { // the others, and later ones, do not wait for its confirmation
		due := p.hold != nil && p.hold.Due()
		if due {
			go func() {
				receipt, err := w.store.publish(p)
				p.done <- outcome{receipt, err}
			}()
		}
		return due
	})
	together := time.Duration(len(events))*w.single.get() > w.batch.get()
	if together {
		events = w.refuseLate(events, func(int) time.Duration { return w.batch.get() })
		if len(events) > 1 && w.flushTogether(events) {
			return
		}
	}
	events = w.refuseLate(events, func(i int) time.Duration { return time.Duration(i+1) * w.single.get() })
	if len(events) > 0 {
		w.flushSingly(events)
	}
}

// flushSingly publishes each event by itself, all at once.
func (w *writer) flushSingly(events []*pending) {
	begun := time.Now()
	w.flushing(time.Duration(len(events)) * w.single.get())
	var group sync.WaitGroup
	var failed atomic.Bool
	var left atomic.Int64
	left.Store(int64(len(events)))
	for _, p := range events {
		p.expected = 2 * time.Duration(len(events)) * w.single.get()
		group.Go(func() {
			receipt, err := w.store.publish(p)
			if errors.As(err, new(*domain.Error)) && !errors.Is(err, domain.ErrConflict) {
				failed.Store(true)
			}
			if left.Add(-1) == 0 { // before the caller may come with the next event
				w.busy.Store(nil)
			}
			p.done <- outcome{receipt, err}
		})
	}
	group.Wait()
	if !failed.Load() {
		w.single.observe(time.Since(begun) / time.Duration(len(events)))
	}
}

// refuseLate refuses those events that cannot be stored before their deadline, given how long the one at an index takes,
// and returns the others. One that was sent before has an unknown outcome.
func (w *writer) refuseLate(events []*pending, takes func(i int) time.Duration) (inTime []*pending) {
	for _, p := range events {
		switch {
		case p.unknown, p.leaves(takes(len(inTime))):
			inTime = append(inTime, p)
		default:
			p.done <- outcome{err: domain.NoStore(errTooSlow)}
		}
	}
	return inTime
}

// errTooSlow is why an event is not sent: it would not be acknowledged in time.
var errTooSlow = errors.New("the event store is too slow at the moment")

// flushTogether stores a batch whole and tells whether it did. When it did not, or nobody knows, each message can be
// sent again unchanged: it carries its own id and condition, so that what was stored is not stored twice.
func (w *writer) flushTogether(batch []*pending) bool {
	messages, creations := make([]*nats.Msg, len(batch)), make(map[string]bool)
	for i, p := range batch {
		messages[i] = copyOf(p.msg)
		if id := p.msg.Header.Get(jetstream.ExpectedLastSubjSeqSubjHeader); id != "" {
			if creations[id] { // the server holds a batch against the stream, not against itself
				return false
			}
			creations[id] = true
		}
	}
	before, err := w.store.identity.known()
	if err != nil {
		return false
	}
	begun, limit := time.Now(), max(publishAttempt, 2*w.batch.get())
	w.flushing(w.batch.get())
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ack, err := w.store.publishTogether(ctx, messages)
	w.busy.Store(nil)
	result := jsapi.Classify(err)
	if result == jsapi.Stored || ctx.Err() != nil { // that long at least, so that the next limit is longer
		w.batch.observe(time.Since(begun))
	}
	if result != jsapi.Stored {
		for _, p := range batch {
			p.unknown = result == jsapi.Unknown
		}
		return false
	}
	first := ack.Sequence - uint64(len(batch)) + 1
	if err := w.store.identity.appended(first, before); err != nil {
		for _, p := range batch {
			p.done <- outcome{err: unknownOutcome(err)}
		}
		return true
	}
	for i, p := range batch {
		p.done <- outcome{receipt: domain.AppendResult{Sequence: first + uint64(i), Revision: p.revision}}
	}
	return true
}

// publishTogether sends messages as an atomic batch, see jsapi.Client.PublishBatch.
func (s *Store) publishTogether(ctx context.Context, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	ack, err := s.api.PublishBatch(ctx, messages, jetstreamext.BatchFlowControl{})
	if err == nil {
		s.readOnly.accepted()
	}
	return ack, err
}

// copyOf keeps the headers that make a message part of a batch out of the message itself.
func copyOf(msg *nats.Msg) *nats.Msg {
	header := make(nats.Header, len(msg.Header)+3)
	for name, values := range msg.Header {
		header[name] = values
	}
	return &nats.Msg{Subject: msg.Subject, Header: header, Data: msg.Data}
}
