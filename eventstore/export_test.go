package eventstore

import (
	"context"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Unexported parts of the package that tests use: the bytes of messages, limits, and outcomes that depend on timing.

var (
	CheckVersion    = checkVersion
	Encode          = encode
	EncodeReference = encodeReference
	EncodeRemoval   = encodeRemoval
	EventStream     = eventStream
	ReferenceID     = referenceID

	ErrBehind      = errBehind
	ErrTooSlow     = errTooSlow
	ErrUnknownType = errUnknownType
)

const (
	BlockSize      = blockSize
	HeaderLimit    = headerLimit
	MaxEvent       = maxEvent
	ProbeEvery     = probeEvery
	PublishAttempt = publishAttempt
	PublishLimit   = publishLimit
	SuspicionGap   = suspicionGap
)

func (s *Store) Conn() *nats.Conn                  { return s.api.Conn }
func (s *Store) JetStream() jetstream.JetStream    { return s.api.JetStream }
func (s *Store) Probe(ctx context.Context) error   { return s.readOnly.probe(ctx, 0) }
func (s *Store) CheckReadOnly(ctx context.Context) { s.readOnly.check(ctx) }
func (s *Store) AdvanceTo(c Checkpoint)            { s.guard.advance(c) }
func (s *Store) SetCheckpoint(c Checkpoint)        { s.guard.reached = c }
func (s *Store) TakesBlock() bool                  { return len(s.ids.lock) == 1 }

func (s *Store) CheckMessage(ctx context.Context, c Checkpoint) error {
	return s.guard.checkMessage(ctx, c)
}

// Unacknowledged notes writes that were not acknowledged some time ago.
func (s *Store) Unacknowledged(writes int, ago time.Duration) {
	r := s.readOnly
	for range writes {
		r.unacknowledged()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now().Add(-ago)
	if r.unacked == writes {
		r.first = r.last
	}
}

// SetCost sets the cost of an event, as if it had been measured some time ago.
func (s *Store) SetCost(cost, ago time.Duration) {
	a := &s.writer.syncTime
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took, a.measured = cost, time.Now().Add(-ago)
}

// StagedOnDisk notes that a batch was staged on disk some time ago.
func (s *Store) StagedOnDisk(ago time.Duration) { s.writer.stagedOnDisk = time.Now().Add(-ago) }

// Costs returns the average after a number of observations.
func Costs(observed ...time.Duration) time.Duration {
	var a average
	for _, took := range observed {
		a.observe(took)
	}
	return a.get()
}

// Flushed is an event after a flush.
type Flushed struct {
	Message *nats.Msg
	Unknown bool // whether it may have been stored, if the flush has not stored it
	Result  domain.AppendResult
	Err     error
}

// FlushTogether stores creations as one atomic batch, and reports whether it did.
func (s *Store) FlushTogether(events ...domain.Envelope) (flushed []Flushed, stored bool) {
	all := pendingOf(events)
	stored = s.writer.flushTogether(all)
	return outcomes(all), stored
}

// FlushSingly stores creations one by one.
func (s *Store) FlushSingly(events ...domain.Envelope) []Flushed {
	all := pendingOf(events)
	s.writer.flushSingly(all)
	return outcomes(all)
}

// Flush stores creations in the cheapest way.
func (s *Store) Flush(events ...domain.Envelope) []Flushed {
	all := pendingOf(events)
	s.writer.flush(all)
	return outcomes(all)
}

// CallersAfter flushes creations, whose callers come back at once, and returns how many callers the writer then expects.
func (s *Store) CallersAfter(events ...domain.Envelope) int {
	all := pendingOf(events)
	s.writer.queue = make(chan *pending, len(all))
	for _, p := range all {
		go func() {
			<-p.done
			s.writer.queue <- p
		}()
	}
	s.writer.flush(all)
	return s.writer.callers
}

func pendingOf(events []domain.Envelope) (all []*pending) {
	for _, e := range events {
		p, err := newPending(e, 0)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

func outcomes(all []*pending) (flushed []Flushed) {
	for _, p := range all {
		f := Flushed{Message: p.msg, Unknown: p.unknown}
		select {
		case done := <-p.done:
			f.Result, f.Err = done.result, done.err
		default:
		}
		flushed = append(flushed, f)
	}
	return flushed
}

// PublishSingly publishes a creation without a batch, after change has modified its message. If unknown is set, it was sent
// before with an unknown outcome.
func (s *Store) PublishSingly(e domain.Envelope, unknown bool, change func(*nats.Msg)) (domain.AppendResult, error) {
	p := pendingOf([]domain.Envelope{e})[0]
	p.unknown = unknown
	change(p.msg)
	return s.writer.publish(p)
}

// SetReplicated makes the store append as to a stream with replicas.
func (s *Store) SetReplicated() { s.writer.replicated = true }

// ConfirmConflict returns the outcome of an event that was refused, as on a stream with replicas.
func (s *Store) ConfirmConflict(ctx context.Context, e domain.Envelope, lastSequence uint64) (domain.AppendResult, error) {
	p, err := newPending(e, lastSequence)
	if err != nil {
		return domain.AppendResult{}, err
	}
	return s.writer.resolve(ctx, p, domain.ErrConflict)
}

// StoreBatch stores a batch without reading the stream first.
func (s *Store) StoreBatch(ctx context.Context, entries []Entry) error {
	messages, events, err := encodeBatch(entries)
	if err == nil {
		_, err = s.writer.storeBatch(ctx, messages, events, 0)
	}
	return batchError(err)
}

// TakeUnlessAbandoned reports whether an event is taken for a flush, after its caller abandoned it or not, and whether it can
// be abandoned afterwards.
func TakeUnlessAbandoned(given bool) (taken, canAbandon bool) {
	p := &pending{}
	p.taken.Store(given)
	taken = len(take(nil, p)) == 1
	return taken, p.taken.CompareAndSwap(false, true)
}

// Guard returns the guard of a stream of which nothing was read.
type Guard struct{ guard }

func (g *Guard) FailIfCertain(fault error) error { return g.failIfCertain(false, fault) }
func (g *Guard) EndSuspicion()                   { g.endSuspicion() }

// Fault returns the fault that was found.
func (g *Guard) Fault() error {
	_, err := g.checkpoint()
	return err
}

// NewGuard returns one that looks for removals in the stream of a store.
func (s *Store) NewGuard() *Guard { return &Guard{guard{api: s.api, removals: new(Removals)}} }

// CheckStream checks the information of a stream on one server.
func (g *Guard) CheckStream(ctx context.Context, info jsapi.StreamInfo) error {
	return g.checkStream(ctx, info, 0)
}
