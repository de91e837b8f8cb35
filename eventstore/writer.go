package eventstore

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"clients/domain"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// writer publishes events. As long as few are under way, each is published by itself, at once. Those beyond wait for
// the flush under way to end and share the next one, an atomic batch with one sync to disk: a batch has its price, but
// it is the same for a hundred events as for two. Each event keeps its own condition; a batch that the stream refuses
// is published event by event.
type writer struct {
	store   *Store
	open    sync.RWMutex // held by those who publish; closing waits for them
	singles atomic.Int64 // events that are being published by themselves
	queue   chan *pending
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once
}

const (
	maxSingles = 16
	minBatch   = 16  // fewer are published one by one sooner
	maxBatch   = 500 // the server takes 1,000
)

func newWriter(s *Store) *writer {
	w := &writer{store: s, queue: make(chan *pending, maxBatch), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// append publishes p and waits for its outcome. Once ctx has ended, an event that waits for the next flush is never sent.
func (w *writer) append(ctx context.Context, p *pending) (domain.Receipt, error) {
	w.open.RLock()
	defer w.open.RUnlock()
	if w.closed() {
		return domain.Receipt{}, domain.NoStore(nats.ErrConnectionClosed)
	}
	if w.singles.Add(1) <= maxSingles {
		defer w.singles.Add(-1)
		return w.store.publish(p)
	}
	w.singles.Add(-1)
	p.done = make(chan outcome, 1)
	select {
	case w.queue <- p:
	case <-ctx.Done():
		return domain.Receipt{}, domain.NoStore(ctx.Err())
	}
	select {
	case result := <-p.done:
		return result.receipt, result.err
	case <-ctx.Done():
		if p.state.CompareAndSwap(waiting, abandoned) {
			return domain.Receipt{}, domain.NoStore(ctx.Err())
		}
		return domain.Receipt{}, unknownOutcome(ctx.Err())
	}
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

// gather takes what is waiting by now, in addition to first.
func (w *writer) gather(first *pending) []*pending {
	batch := take(nil, first)
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

func (w *writer) flush(batch []*pending) {
	alone := func(p *pending) {
		receipt, err := w.store.publish(p)
		p.done <- outcome{receipt, err}
	}
	batch = slices.DeleteFunc(batch, func(p *pending) bool { // the others, and later ones, do not wait for its confirmation
		due := p.hold != nil && p.hold.Due()
		if due {
			go alone(p)
		}
		return due
	})
	if len(batch) >= minBatch && w.flushTogether(batch) {
		return
	}
	var group sync.WaitGroup
	for _, p := range batch {
		group.Go(func() { alone(p) })
	}
	group.Wait()
}

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
	ctx, cancel := context.WithTimeout(context.Background(), publishAttempt)
	defer cancel()
	ack, err := w.store.publishTogether(ctx, messages)
	if err != nil {
		for _, p := range batch {
			p.unknown = classify(err) == unanswered
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
		p.done <- outcome{receipt: domain.Receipt{Sequence: first + uint64(i), Revision: p.revision}}
	}
	return true
}

// publishTogether sends messages as an atomic batch and waits for its acknowledgement no longer than ctx lasts. One that
// was given up on may be stored all the same, and its messages may yet be altered: they are not to be sent again.
func (s *Store) publishTogether(ctx context.Context, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	ack, err := within(ctx, func() (*jetstreamext.BatchAck, error) {
		return jetstreamext.PublishMsgBatch(ctx, s.js, messages, jetstreamext.BatchFlowControl{})
	})
	if s.readOnly.note(err); err == nil {
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
