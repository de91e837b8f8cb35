package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// SourceReader reads a source in its order, from where the record of it ends. It leaves out no message that the stream
// holds: what the server does not deliver is asked for, and what is gone is said to be gone.
//
// It keeps no position of its own in NATS: the record is what the service has stored, so that neither a restored copy
// of that nor a stream that was made again can lead it astray.
type SourceReader struct {
	Store   *Store
	Source  Source
	Handler SourceHandler
	Log     *slog.Logger

	created time.Time // of the stream that is being read; zero before it is found
	last    uint64    // sequence of the last message handed out
	told    string    // why reading began again, as it was last logged
}

// SourceHandler takes what a SourceReader reads.
type SourceHandler interface {
	// Reached answers how far the stream with this creation is on record, and when the message there was stored.
	Reached(ctx context.Context, created time.Time) (sequence uint64, storedAt time.Time, err error)
	// Rewind puts the record of a stream back to its beginning.
	Rewind(ctx context.Context, stream SourceState) error
	// Handle is given the messages, one after the other. It may return before it has dealt with one.
	Handle(ctx context.Context, m SourceMessage) error
	// Missing is told whether the stream exists, whenever that is found out.
	Missing(missing bool)
	// Expired is told of messages that were gone before they were read, of which there are at most that many.
	Expired(messages uint64)
}

// How often a source that is silent is asked whether it has said something, and a missing one whether it is there.
const (
	sourceWatch   = 250 * time.Millisecond
	sourceRetry   = 250 * time.Millisecond
	sourceExpiry  = 5 * time.Second // of one request for messages
	sourceTimeout = time.Second     // without a sign of life from the server
	sourceBuffer  = 512
)

var (
	errSourceChanged = errors.New("the stream was made again")
	errSourceStalled = errors.New("messages are not delivered")
)

// Read reads until ctx ends, which is what it answers. It waits for a stream that does not exist, and begins again
// after whatever goes wrong.
func (r *SourceReader) Read(ctx context.Context) error {
	for {
		err := r.readStream(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch reason := err.Error(); {
		case errors.Is(err, ErrSourceMissing):
			r.Handler.Missing(true)
		case reason != r.told: // it may be so for long
			r.told = reason
			r.Log.Warn("reading a source again", "stream", r.Source.Stream, "after", r.last, "reason", err)
		}
		select {
		case <-time.After(sourceRetry):
		case <-ctx.Done():
		}
	}
}

func (r *SourceReader) readStream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := r.resume(ctx); err != nil {
		return err
	}
	arrivals, interrupted := make(chan SourceMessage, sourceBuffer), make(chan error, 1)
	consumption, err := r.consume(ctx, arrivals, interrupted)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	defer consumption.Stop()
	if _, err := r.unchanged(ctx); err != nil { // a consumer ends with its stream: this one is of the stream that was resumed
		return err
	}
	watch := time.NewTicker(sourceWatch)
	defer watch.Stop()
	silent, stalledAt := true, uint64(0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-interrupted:
			return err
		case m := <-arrivals:
			silent = false
			if err := r.arrived(ctx, m); err != nil {
				return err
			}
		case <-watch.C:
			if silent {
				if stalledAt, err = r.watch(ctx, stalledAt); err != nil {
					return err
				}
			}
			silent = true
		}
	}
}

// resume finds out which stream there is and where to go on in it.
func (r *SourceReader) resume(ctx context.Context) error {
	state, err := r.Store.SourceState(ctx, r.Source)
	if err != nil {
		return err
	}
	r.Handler.Missing(false)
	reached, storedAt, err := r.Handler.Reached(ctx, state.Created)
	if err != nil {
		return fmt.Errorf("position: %w", err)
	}
	rewound, err := r.rewound(ctx, state, reached, storedAt)
	if err != nil {
		return err
	}
	if rewound {
		r.Log.Error("a source was put back to an earlier state and is read again", "stream", r.Source.Stream, "reached", reached, "last", state.Last)
		if err := r.Handler.Rewind(ctx, state); err != nil {
			return fmt.Errorf("rewind: %w", err)
		}
		r.last, reached = 0, 0
	}
	if !state.Created.Equal(r.created) {
		r.created, r.last = state.Created, 0
	}
	r.last = max(r.last, reached)
	if state.First > r.last+1 {
		r.Handler.Expired(state.First - r.last - 1)
		return r.handOut(ctx, SourceMessage{Sequence: state.First - 1, Gone: true})
	}
	return nil
}

// rewound reports whether the stream is not any more what is on record: it ends before that, or has another message there.
func (r *SourceReader) rewound(ctx context.Context, state SourceState, reached uint64, storedAt time.Time) (bool, error) {
	if reached == 0 {
		return false, nil
	}
	if state.Last < reached { // unless it has gone on in between
		now, err := r.Store.SourceState(ctx, r.Source)
		return err == nil && now.Created.Equal(state.Created) && now.Last < reached, err
	}
	m, err := r.Store.sourceMessage(ctx, r.Source, reached)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return err == nil && m.Sequence == reached && !storedAt.IsZero() && !m.StoredAt.Equal(storedAt), err
}

// consume delivers the messages behind the last one. The consumer lives in memory and is forgotten when it is not used.
func (r *SourceReader) consume(ctx context.Context, arrivals chan<- SourceMessage, interrupted chan<- error) (jetstream.ConsumeContext, error) {
	attempt, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	consumer, err := r.Store.js.CreateConsumer(attempt, r.Source.Stream, jetstream.ConsumerConfig{
		Description:       "clients: reads what stands in the way of a client's end",
		FilterSubject:     r.Source.Filter,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.last + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	interrupt := func(err error) {
		select {
		case interrupted <- err:
		default:
		}
	}
	return consumer.Consume(func(msg jetstream.Msg) {
		meta, err := msg.Metadata()
		if err != nil {
			interrupt(err)
			return
		}
		m := SourceMessage{
			Stream: r.Source.Stream, Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(),
		}
		select {
		case arrivals <- m:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(sourceBuffer), jetstream.PullExpiry(sourceExpiry), jetstream.PullHeartbeat(sourceTimeout/2),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { interrupt(err) }))
}

// arrived hands out a message, and before it what the server should have delivered before it.
func (r *SourceReader) arrived(ctx context.Context, m SourceMessage) error {
	for m.Sequence > r.last+1 {
		missed, err := r.Store.sourceMessage(ctx, r.Source, r.last+1)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		state, err := r.unchanged(ctx)
		if err != nil {
			return err
		}
		if state.First > r.last+1 {
			r.Handler.Expired(min(state.First, m.Sequence) - r.last - 1)
		}
		if missed.Sequence == 0 || missed.Sequence >= m.Sequence {
			break
		}
		if err := r.handOut(ctx, missed); err != nil {
			return err
		}
	}
	if m.Sequence <= r.last {
		return nil
	}
	return r.handOut(ctx, m)
}

func (r *SourceReader) handOut(ctx context.Context, m SourceMessage) error {
	m.Stream, m.Created, m.Previous = r.Source.Stream, r.created, r.last
	if err := r.Handler.Handle(ctx, m); err != nil {
		return err
	}
	r.last = m.Sequence
	return nil
}

// watch looks after a source from which nothing arrives. What is left of it behind the last message may be nothing;
// else a message is late, and when it is still so the next time, the consumer is given up.
func (r *SourceReader) watch(ctx context.Context, stalledAt uint64) (uint64, error) {
	state, err := r.Store.SourceState(ctx, r.Source)
	if err != nil {
		return 0, err
	}
	if !state.Created.Equal(r.created) || state.Last < r.last {
		return 0, errSourceChanged
	}
	if state.Last == r.last {
		return 0, nil
	}
	_, err = r.Store.sourceMessage(ctx, r.Source, r.last+1)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		if state.First > r.last+1 {
			r.Handler.Expired(state.First - r.last - 1)
		}
		return 0, r.handOut(ctx, SourceMessage{Sequence: state.Last, Gone: true})
	case err != nil:
		return 0, err
	case stalledAt == r.last+1:
		return 0, errSourceStalled
	}
	return r.last + 1, nil
}

// unchanged makes sure that what was just read is of the stream that is being read.
func (r *SourceReader) unchanged(ctx context.Context) (SourceState, error) {
	state, err := r.Store.SourceState(ctx, r.Source)
	if err == nil && !state.Created.Equal(r.created) {
		err = errSourceChanged
	}
	return state, err
}
