package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
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
// the call. It requests the states of both streams and waits until the directory shows that they were ingested up to there.
// At the same time it makes sure that the directory shows the service's own stream, and not one that was replaced.
//
// Errors are of kind domain.Unavailable and name the stream that is missing, does not respond or is not ingested in time.
func (i *Ingest) Wait(ctx context.Context) error {
	begun, end := time.Now(), readmodel.StartSpan(ctx, "await projects and invoices")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	own := make(chan error, 1)
	go func() { own <- persist(ctx, func() error { return i.config.Directory.Refresh(ctx) }) }()
	var upstreams [2]error
	var checks sync.WaitGroup
	for n, stream := range upstream.Streams() {
		checks.Go(func() { upstreams[n] = i.loops[stream.Name].ingested(ctx) })
	}
	checks.Wait()
	err := cmp.Or(upstreams[0], upstreams[1])
	if err == nil || errors.Is(err, errSilent) { // if the own stream is silent, too, NATS cannot be reached
		if stale := <-own; stale != nil {
			err = domain.NoStore(stale)
		}
	}
	i.metrics.passed(begun, err)
	end(err)
	return err
}

// errSilent reports that the stream does not respond, so that NATS may be unreachable.
var errSilent = errors.New("no response")

// ingested returns once the stream is on record up to its present end.
func (l *loop) ingested(ctx context.Context) error {
	for {
		why, err := l.ingestedOnce(ctx)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, readmodel.ErrOtherGeneration) || ctx.Err() != nil: // else the end of the generation before means nothing
			return l.unchecked(why, err)
		}
	}
}

// ingestedOnce waits until the stream is on record up to its end, and makes sure that it is the stream that was read: one
// that was restored to an earlier state has other messages at the recorded sequences. It returns an error and what of the
// stream is the reason.
func (l *loop) ingestedOnce(ctx context.Context) (why string, err error) {
	state, err := l.state(ctx)
	switch {
	case errors.Is(err, upstream.ErrMissing):
		return "does not exist or does not receive " + l.stream.Filter, err
	case err != nil:
		return "does not answer", fmt.Errorf("%w: %w", errSilent, err)
	}
	reached, _ := l.Directory.Reached(l.stream.Name, state.Created)
	end := domain.Position{Stream: l.stream.Name, Created: state.Created, Sequence: state.Last, Generation: reached.Generation}
	if err := l.Directory.AwaitReached(ctx, end); err != nil {
		return "has not been read to its end", err
	}
	if reached, _ = l.Directory.Reached(l.stream.Name, state.Created); reached.Generation != end.Generation {
		return "", readmodel.ErrOtherGeneration
	}
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	holds, err := l.Upstream.Holds(ctx, l.stream, state, reached.Sequence, reached.StoredAt)
	switch {
	case err != nil:
		return "does not answer", fmt.Errorf("%w: %w", errSilent, err)
	case !holds:
		return "was put back to an earlier state and has yet to be read again", fmt.Errorf("it ends at %d, and was read up to %d", state.Last, reached.Sequence)
	}
	return "", nil
}

// state requests the state of the stream until there is a response, for stateTimeout at most.
func (l *loop) state(ctx context.Context) (state upstream.State, err error) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	err = persist(ctx, func() (err error) { state, err = l.Upstream.State(ctx, l.stream); return err })
	return state, err
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
