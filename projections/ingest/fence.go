package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/references"
)

// askLimit bounds the questions where the streams stand. The answers may take a moment, while one server hands a stream on
// to another.
const (
	askLimit = 2 * time.Second
	askPause = 20 * time.Millisecond
)

// Wait returns as soon as the directory shows everything that other services had been acknowledged when Wait was
// called. Both sources are asked where they stand, and then waited for in the directory: it shows that they have been
// read up to there only when it shows what was learned on the way. The service's own stream is asked at the same time:
// what the directory shows says nothing where that was replaced.
//
// Errors are of kind domain.Unavailable and say which stream is missing, does not answer or is not read in time.
func (i *Ingest) Wait(ctx context.Context) error {
	begun, traced := time.Now(), spanOfFence(ctx)
	failed, own := make(chan error, len(i.recorders)), make(chan error, 1)
	for _, r := range i.recorders {
		go func() { failed <- r.passed(ctx) }()
	}
	go func() { own <- i.refreshed(ctx) }()
	var err error
	for range i.recorders {
		if e := <-failed; e != nil && err == nil {
			err = e
		}
	}
	if err == nil {
		if e := <-own; e != nil {
			err = domain.NoStore(e)
		}
	}
	i.metrics.fenced(begun, err)
	traced(err)
	return err
}

// passed returns as soon as the source is on record up to where it stood.
func (r *Recorder) passed(ctx context.Context) error {
	for {
		err := r.passedOnce(ctx)
		switch {
		case errors.Is(err, readmodel.ErrOtherGeneration) && ctx.Err() == nil: // where it stood before says nothing of this round
			continue
		case errors.Is(err, eventstore.ErrSourceMissing):
			return r.unchecked("does not exist", err)
		case errors.Is(err, errUnread):
			return r.unchecked("has not been read to its end", err)
		case errors.Is(err, errPutBack):
			return r.unchecked("was put back to an earlier state and has yet to be read again", err)
		case err != nil:
			return r.unchecked("does not answer", err)
		}
		return nil
	}
}

var errUnread = errors.New("the source is not on record up to where it stood")

// passedOnce waits for the source to be on record up to where it stands, and then makes sure that it is that source which
// was read: one that was put back to an earlier state has other messages under the sequences that are on record.
func (r *Recorder) passedOnce(ctx context.Context) error {
	state, err := r.stands(ctx)
	if err != nil {
		return err
	}
	reached, _ := r.config.Directory.Reached(r.source.Stream, state.Created)
	position := domain.Position{Stream: r.source.Stream, Created: state.Created, Sequence: state.Last, Generation: reached.Generation}
	if err := r.config.Directory.AwaitReached(ctx, position); err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	round := reached.Generation
	if reached, _ = r.config.Directory.Reached(r.source.Stream, state.Created); reached.Generation != round {
		return readmodel.ErrOtherGeneration
	}
	return r.stillHolds(ctx, state, reached)
}

// stillHolds makes sure that a source which stood where state says is the one that is on record.
func (r *Recorder) stillHolds(ctx context.Context, state eventstore.SourceState, reached references.Reached) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	holds, err := r.config.Store.SourceHolds(ctx, r.source, state, reached.Sequence, reached.StoredAt)
	if err == nil && !holds && state.Last < reached.Sequence { // it may have been read on, and be gone by now
		if state, err = r.stands(ctx); err == nil {
			holds, err = r.config.Store.SourceHolds(ctx, r.source, state, reached.Sequence, reached.StoredAt)
		}
	}
	if err == nil && !holds {
		return fmt.Errorf("%w: it ends at %d, and was read up to %d", errPutBack, state.Last, reached.Sequence)
	}
	return err
}

// stands asks where the source stands, until there is an answer.
func (r *Recorder) stands(ctx context.Context) (eventstore.SourceState, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	for {
		state, err := r.config.Store.SourceState(ctx, r.source)
		if err == nil || errors.Is(err, eventstore.ErrSourceMissing) || !pause(ctx) {
			return state, err
		}
	}
}

// refreshed returns when the directory shows what the service's own stream held. Where it stands is asked as long as the
// sources are, and what it held is waited for as long as ctx lasts.
func (i *Ingest) refreshed(ctx context.Context) error {
	for begun := time.Now(); ; {
		err := i.config.Directory.Refresh(ctx)
		if err == nil || i.config.Directory.Err() != nil || time.Since(begun) > askLimit || !pause(ctx) {
			return err
		}
	}
}

// pause waits before something is asked again, and tells whether there is time to ask.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(askPause):
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Recorder) unchecked(why string, cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: fmt.Sprintf("It cannot be checked what the client is needed for: the stream %s %s. Please try again.", r.source.Stream, why),
		Cause:   cause,
	}
}
