package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
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

	created  time.Time // of the stream that is being read; zero before it is found
	last     uint64    // sequence of the last message handed out
	storedAt time.Time // when that was stored; zero when it was gone
	begun    uint64    // where reading last began
	again    bool      // it began before
	told     string    // why reading began again, as it was last logged
	looked   time.Time // when the last message of the source had been stored as it was last compared

	state     SourceState // as the leader has told it
	stateAt   time.Time   // when it was asked
	delivered uint64      // how many messages the consumer has delivered
	unread    uint64      // messages that were lost, and not told yet
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
	sourceStride  = 100             // messages that are asked for where none is delivered
	sourceRecord  = 2 * time.Second // between looks at whether the record was put back meanwhile
)

var (
	errSourceChanged = errors.New("the stream was made again")
	errSourceStalled = errors.New("messages are not delivered")
	errSourceRecord  = errors.New("the record was put back")
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
	recorded, err := r.resume(ctx)
	if err != nil {
		return err
	}
	if err := r.stride(ctx); err != nil {
		return err
	}
	defer r.tellLost()
	arrivals, interrupted := make(chan arrival, sourceBuffer), make(chan error, 1)
	consumption, err := r.consume(ctx, arrivals, interrupted)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	defer consumption.Stop()
	if err := r.still(ctx); err != nil { // a consumer ends with its stream: this one is of the stream that was resumed
		return err
	}
	watch, record := time.NewTicker(sourceWatch), time.NewTicker(sourceRecord)
	defer watch.Stop()
	defer record.Stop()
	silent, stalledAt := true, uint64(0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-interrupted:
			return err
		case a := <-arrivals:
			silent = false
			if err := r.arrived(ctx, a, arrivals); err != nil {
				return err
			}
		case <-watch.C:
			r.tellLost()
			if silent {
				if stalledAt, err = r.watch(ctx, stalledAt); err != nil {
					return err
				}
			}
			silent = true
		case <-record.C:
			reached, _, err := r.Handler.Reached(ctx, r.created)
			if err == nil && reached < recorded {
				r.last = reached
				return errSourceRecord
			}
			recorded = max(recorded, reached)
		}
	}
}

func (r *SourceReader) handOut(ctx context.Context, m SourceMessage) error {
	m.Stream, m.Created, m.Previous = r.Source.Stream, r.created, r.last
	if err := r.Handler.Handle(ctx, m); err != nil {
		return err
	}
	r.last, r.storedAt, r.told = m.Sequence, m.StoredAt, ""
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
	if !state.LastStored.Equal(r.looked) { // else it was found to be as it was
		if rewound, err := r.rewound(ctx, state, r.last, r.storedAt); err != nil || rewound {
			return 0, cmp.Or(err, errSourceChanged)
		}
		r.looked = state.LastStored
	}
	if state.Last == r.last {
		return 0, nil
	}
	m, _, err := r.find(ctx, r.last+1)
	switch {
	case err != nil:
		return 0, err
	case m.Sequence == 0:
		return 0, r.pass(ctx, state, state.Last)
	case stalledAt == r.last+1:
		return 0, errSourceStalled
	}
	return r.last + 1, nil
}
