package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/upstream"
	"clients/projections/readmodel"
)

// A request for the state of a stream may fail for a moment, while one server hands the stream over to another.
const (
	stateTimeout = 2 * time.Second
	statePause   = 20 * time.Millisecond
)

// Wait is the read barrier: it returns once the directory shows everything that was acknowledged to other services before
// the call. It makes sure that the directory shows the service's own stream, and not one that was replaced. Then it requests
// the state of each stream and waits until the directory shows that it was ingested up to there.
//
// Errors are of kind domain.Unavailable and name the stream that is missing, does not respond or is not ingested in time.
func (i *Ingest) Wait(ctx context.Context) error {
	begun, end := time.Now(), readmodel.StartSpan(ctx, "await projects and invoices")
	err, outcome := i.wait(ctx), "passed"
	if err != nil {
		outcome = "failed"
	}
	i.metrics.barriers.WithLabelValues(outcome).Observe(time.Since(begun).Seconds())
	end(err)
	return err
}

func (i *Ingest) wait(ctx context.Context) error {
	if err := persist(ctx, func() error { return i.config.Directory.Refresh(ctx) }); err != nil {
		return domain.NoStore(err)
	}
	for _, stream := range upstream.Streams() {
		if err := i.loops[stream.Name].ingested(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ingested returns once the stream is on record up to its present end, and makes sure that it is the stream that was read:
// one that was restored to an earlier state has other messages at the recorded sequences.
func (l *loop) ingested(ctx context.Context) error {
	var state upstream.State
	err := persist(ctx, func() (err error) { state, err = l.Upstream.State(ctx, l.stream); return err })
	switch {
	case errors.Is(err, upstream.ErrMissing):
		return l.unchecked("does not exist or does not receive "+l.stream.Filter, err)
	case err != nil:
		return l.unchecked("does not answer", err)
	}
	reached, changed := l.Directory.Reached(l.stream.Name, state.Created)
	for reached.Sequence < state.Last {
		if err := cmp.Or(l.Directory.Err(), ctx.Err()); err != nil {
			return l.unchecked("has not been read to its end", err)
		}
		wait(ctx, changed, stateTimeout)
		reached, changed = l.Directory.Reached(l.stream.Name, state.Created)
	}
	holds, err := l.Upstream.Holds(ctx, l.stream, state, reached.Sequence, reached.StoredAt)
	switch {
	case err != nil:
		return l.unchecked("does not answer", err)
	case !holds:
		return l.unchecked("was put back to an earlier state and has yet to be read again", fmt.Errorf("it ends at %d, and was read up to %d", state.Last, reached.Sequence))
	}
	return nil
}

// persist calls request until it succeeds, fails for good, or has failed for stateTimeout.
func persist(ctx context.Context, request func() error) error {
	for begun := time.Now(); ; {
		err := request()
		if err == nil || errors.Is(err, upstream.ErrMissing) || errors.Is(err, eventstore.ErrReplaced) || time.Since(begun) > stateTimeout {
			return err
		}
		if wait(ctx, nil, statePause); ctx.Err() != nil {
			return err
		}
	}
}

func (l *loop) unchecked(why string, cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: fmt.Sprintf("It cannot be checked what the client is needed for: the stream %s %s. Please try again.", l.stream.Name, why),
		Cause:   cause,
	}
}
