package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Reader reads a stream in order, from where the record of its Handler ends. It skips no message that the stream holds:
// see the package comment.
type Reader struct {
	Client  *Client
	Stream  Stream
	Handler Handler
	Log     *slog.Logger

	record Recorded // up to where the stream was handed out
	state  State    // last known
	logged string   // the reason for the last restart, unless something was handed out since
}

// Recorded is how far a stream is on record.
type Recorded struct {
	Sequence   uint64
	StoredAt   time.Time // when the message there was stored, see Message
	Generation int       // see domain.Position
}

// Handler receives what a Reader reads. All calls come from one goroutine.
type Handler interface {
	// Refresh returns once Recorded knows everything that is on record, recorded by any replica.
	Refresh(ctx context.Context) error
	// Recorded returns how far the stream with this creation time is known to be on record.
	Recorded(created time.Time) Recorded
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
	maxRun      = 512      // messages
	maxRequest  = 2 << 20  // bytes that are requested at once: the server closes a connection behind which 16 MiB wait
	subjectRoom = 16 << 10 // for the subjects of a message, which count as well
	retryPause  = 250 * time.Millisecond
)

var (
	errChanged = errors.New("the stream was changed")
	errStalled = errors.New("messages are not delivered")
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
	if err := r.Handler.Refresh(ctx); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := r.resume(ctx); err != nil {
		return err
	}
	if r.logged != "" && r.state.Last > r.record.Sequence { // what was rejected is read without a consumer, which would stay for a minute
		if _, err := r.readByRequest(ctx); err != nil {
			return err
		}
	}
	consumer, err := r.Client.api.Consumer(ctx, jsapi.Reading{Stream: r.Stream.Name, Subject: r.Stream.Filter, After: r.record.Sequence})
	if err != nil { // for example because the stream has as many consumers as it may have
		return fmt.Errorf("consume: %w", err)
	}
	if _, err := r.watch(ctx); err != nil { // a consumer ends with its stream: this one is of the stream above
		return err
	}
	for missedBefore, interval := false, jsapi.WatchInterval; ; {
		silent, err := r.fetch(ctx, consumer, interval)
		if err != nil {
			return err
		}
		if !silent {
			missedBefore, interval = false, jsapi.WatchInterval
			continue
		}
		missed, err := r.watch(ctx)
		if err != nil {
			return err
		}
		if missed && missedBefore { // the first time they may just have been stored
			return errStalled
		}
		missedBefore, interval = missed, r.Client.api.NextWatch(interval, r.state.Delivers)
	}
}

// fetch hands out what is delivered in response to one request, which the server keeps open for an interval: each message with those that
// have arrived behind it. silent says that nothing has arrived.
//
// Where messages may be missing in between, it reads from the stream's leader instead: a consumer of a replicated stream may
// not know of a message that was acknowledged, and a client library may drop one that looks like a status of the server.
func (r *Reader) fetch(ctx context.Context, consumer jetstream.Consumer, interval time.Duration) (silent bool, err error) {
	limited, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	largest := int(r.Client.api.Conn.MaxPayload()) + subjectRoom // a consumer does not pass what is larger than a request
	batch, err := consumer.Fetch(maxRun, jetstream.FetchMaxBytes(max(maxRequest, largest)), jetstream.FetchContext(limited))
	if err != nil {
		return false, fmt.Errorf("consume: %w", err)
	}
	messages, silent := batch.Messages(), true
	var run []Message
	for msg := range messages {
		silent = false
		meta, err := msg.Metadata()
		if err != nil {
			return false, err
		}
		sequence, next := meta.Sequence.Stream, r.record.Sequence+uint64(len(run))+1
		if sequence == next { // and not read from the leader before
			run = append(run, Message{Sequence: sequence, StoredAt: meta.Timestamp, Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data()})
		}
		if sequence > next || len(messages) == 0 {
			if err = r.handle(ctx, run); err == nil {
				err = r.fill(ctx, sequence)
			}
			if err != nil {
				return false, err
			}
			run = nil
		}
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		_, _ = r.watch(ctx) // passes a stored message that looks like that failure
		return false, fmt.Errorf("consume: %w", err)
	}
	return silent, ctx.Err()
}

// resume finds out which stream there is, and where to continue.
func (r *Reader) resume(ctx context.Context) error {
	state, err := r.Client.State(ctx, r.Stream)
	if err != nil {
		return err
	}
	r.Handler.Missing(nil)
	recorded := r.Handler.Recorded(state.Created)
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
	r.record, r.state = recorded, state
	if state.First > recorded.Sequence+1 {
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

// handle hands out a run, if there is a message in it, and reports how many messages expired between the record and the run. If
// some are missing there, the state was just requested: those in front of its First expired. The others were deleted one by
// one, or have subjects that are not read.
func (r *Reader) handle(ctx context.Context, run []Message) error {
	if len(run) == 0 {
		return nil
	}
	previous, end := r.record.Sequence, run[0].Sequence // what is between them is missing
	if run[0].Gone {
		end++ // and so is that message
	}
	end = min(end, r.state.First)
	expired := end - min(end, previous+1)
	for n := range run {
		m := &run[n]
		m.Stream, m.Created, m.Generation, m.Previous = r.Stream.Name, r.state.Created, r.record.Generation, previous
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

// watch makes sure that the stream still is the one that was handed out, and looks for messages that were not delivered. It
// returns true if it found one.
func (r *Reader) watch(ctx context.Context) (found bool, err error) {
	created := r.state.Created
	if err := r.resume(ctx); err != nil {
		return false, err
	}
	if !r.state.Created.Equal(created) {
		return false, ErrRecreated
	}
	if r.state.Last <= r.record.Sequence {
		return false, nil
	}
	return r.readByRequest(ctx)
}

// refresh requests the state of the stream, which must not have been created again.
func (r *Reader) refresh(ctx context.Context) error {
	state, err := r.Client.State(ctx, r.Stream)
	if err == nil && !state.Created.Equal(r.state.Created) {
		err = ErrRecreated
	}
	if err == nil {
		r.state = state
	}
	return err
}
