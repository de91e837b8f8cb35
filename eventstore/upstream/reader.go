package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"clients/eventstore/internal/jsapi"
)

// Reader reads a stream in order, from where the record of its Handler ends. It skips no message that the stream holds:
// see the package comment.
type Reader struct {
	Client  *Client
	Stream  Stream
	Handler Handler
	Log     *slog.Logger

	created time.Time // of the stream
	record  Recorded  // up to where the stream was handed out
	state   State     // last known
	checked time.Time // when the record was last compared
	logged  string    // the last reason for a restart
}

// Recorded is how far a stream is on record.
type Recorded struct {
	Sequence   uint64
	StoredAt   time.Time // when the message there was stored, see Message
	Generation int
}

// Handler receives what a Reader reads. All calls come from one goroutine.
type Handler interface {
	// Recorded returns how far the stream with this creation time is on record.
	Recorded(ctx context.Context, created time.Time) (Recorded, error)
	// Rewind records that the stream was restored to an earlier state: the generation after the given one starts.
	Rewind(ctx context.Context, created time.Time, generation int) error
	// Handle returns once all messages of a run are on record, recorded by any replica. After an error the reader resumes
	// from the record.
	Handle(ctx context.Context, run []Message) error
	// Missing is called each time the reader has looked for the stream: with an ErrMissing, or with nil if it is there.
	Missing(reason error)
	// Expired reports that up to so many messages were deleted before they were read.
	Expired(messages uint64)
}

const (
	recordInterval = 2 * time.Second // between comparisons of the record
	retryPause     = 250 * time.Millisecond
)

var (
	errChanged = errors.New("the stream was changed")
	errStalled = errors.New("messages are not delivered")
	errRecord  = errors.New("the record went backwards")
)

// Read reads until ctx ends, and returns ctx's error. It waits for a stream that does not exist, and resumes after any
// other error.
func (r *Reader) Read(ctx context.Context) error {
	for {
		err := r.readStream(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch reason := err.Error(); {
		case errors.Is(err, ErrMissing):
			r.Handler.Missing(err)
		case reason != r.logged: // it may last
			r.logged = reason
			r.Log.Warn("reading upstream again", "stream", r.Stream.Name, "after", r.record.Sequence, "reason", err)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
}

func (r *Reader) readStream(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	delivery, err := r.deliver(ctx)
	if err != nil { // for example because the stream has as many consumers as it may have
		_ = r.readByRequest(ctx)
		return fmt.Errorf("consume: %w", err)
	}
	defer delivery.stop()
	if err := r.unchanged(ctx); err != nil { // a consumer ends with its stream: this one is of the stream above
		return err
	}
	interval := jsapi.WatchInterval
	watch := time.NewTicker(interval)
	defer watch.Stop()
	for silent := true; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-delivery.failed:
			_ = r.watch(ctx) // passes a stored message that looks like that failure
			return fmt.Errorf("consume: %w", err)
		case msg := <-delivery.messages:
			silent = false
			run, err := delivery.run(msg)
			if err == nil {
				err = r.delivered(ctx, run)
			}
			if err != nil {
				return err
			}
		case <-watch.C:
			if silent {
				if err := r.watch(ctx); err != nil {
					return err
				}
			}
			interval = jsapi.NextWatch(interval, silent && r.state.Single)
			watch.Reset(interval)
			silent = true
		}
	}
}

// resume finds out which stream there is, and where to continue.
func (r *Reader) resume(ctx context.Context) error {
	state, err := r.Client.State(ctx, r.Stream)
	if err != nil {
		return err
	}
	r.Handler.Missing(nil)
	recorded, err := r.Handler.Recorded(ctx, state.Created)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	holds, err := r.Client.Holds(ctx, r.Stream, state, recorded.Sequence, recorded.StoredAt)
	if err != nil {
		return err
	}
	if !holds {
		r.Log.Error("upstream restored, reading from start", "stream", r.Stream.Name, "recorded", recorded.Sequence, "last", state.Last)
		if err := r.Handler.Rewind(ctx, state.Created, recorded.Generation); err != nil {
			return fmt.Errorf("rewind: %w", err)
		}
		return errChanged
	}
	r.created, r.record, r.state, r.checked = state.Created, recorded, state, time.Now()
	if state.First > r.record.Sequence+1 {
		return r.pass(ctx, state, state.First-1)
	}
	return nil
}

// pass hands out that nothing is left of the stream up to a sequence.
func (r *Reader) pass(ctx context.Context, state State, sequence uint64) error {
	stored := state.FirstStored
	if sequence == state.Last {
		stored = state.LastStored
	}
	return r.handle(ctx, []Message{{Sequence: sequence, StoredAt: stored, Gone: true}})
}

func (r *Reader) handle(ctx context.Context, run []Message) error {
	expired, err := r.expired(ctx, run[0])
	if err != nil {
		return err
	}
	previous := r.record.Sequence
	for n := range run {
		m := &run[n]
		m.Stream, m.Created, m.Generation, m.Previous = r.Stream.Name, r.created, r.record.Generation, previous
		previous = m.Sequence
	}
	if err := r.Handler.Handle(ctx, run); err != nil {
		return err
	}
	r.record.Sequence, r.record.StoredAt, r.logged = previous, run[len(run)-1].StoredAt, ""
	if expired > 0 {
		r.Handler.Expired(expired)
	}
	return nil
}

// expired returns how many messages were deleted from the beginning of the stream between the record and the next message.
// What was deleted elsewhere, or is not read, is not known.
func (r *Reader) expired(ctx context.Context, next Message) (uint64, error) {
	last := next.Sequence
	if !next.Gone {
		last--
	}
	if last == r.record.Sequence {
		return 0, nil
	}
	if err := r.refresh(ctx); err != nil {
		return 0, err
	}
	return max(min(r.state.First-1, last), r.record.Sequence) - r.record.Sequence, nil
}

// watch looks after a stream without deliveries.
func (r *Reader) watch(ctx context.Context) error {
	if time.Since(r.checked) > recordInterval {
		recorded, err := r.Handler.Recorded(ctx, r.created)
		if err == nil && (recorded.Sequence < r.record.Sequence || recorded.Generation != r.record.Generation) {
			return errRecord // another replica found that the stream was restored
		}
		r.checked = time.Now()
	}
	if err := r.unchanged(ctx); err != nil || r.state.Last == r.record.Sequence {
		return err
	}
	return r.readByRequest(ctx)
}

// unchanged makes sure that the stream still is the one that was handed out.
func (r *Reader) unchanged(ctx context.Context) error {
	if err := r.refresh(ctx); err != nil {
		return err
	}
	holds, err := r.Client.Holds(ctx, r.Stream, r.state, r.record.Sequence, r.record.StoredAt)
	if err == nil && !holds {
		err = errChanged
	}
	return err
}

// refresh requests the state of the stream, which must not have been created again.
func (r *Reader) refresh(ctx context.Context) error {
	state, err := r.Client.State(ctx, r.Stream)
	if err == nil && !state.Created.Equal(r.created) {
		err = ErrRecreated
	}
	if err == nil {
		r.state = state
	}
	return err
}
