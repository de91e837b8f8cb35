package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// askLimit bounds the question where a source stands.
const askLimit = 1500 * time.Millisecond

// Pass returns as soon as the directory shows everything that other services had been acknowledged when Pass was
// called. Both sources are asked where they stand, and then waited for in the directory: it shows that they have been
// read up to there only when it shows what was learned on the way.
//
// Errors are of kind domain.Unavailable and say which stream is missing, does not answer or is not read in time.
func (i *Intake) Pass(ctx context.Context) error {
	begun := time.Now()
	failed := make(chan error, len(i.recorders))
	for _, r := range i.recorders {
		go func() { failed <- r.passed(ctx) }()
	}
	var err error
	for range i.recorders {
		if e := <-failed; e != nil && err == nil {
			err = e
		}
	}
	i.metrics.fenced(begun, err)
	return err
}

// passed returns as soon as the source is on record up to where it stood.
func (r *Recorder) passed(ctx context.Context) error {
	state, err := r.stands(ctx)
	if err == nil {
		reached, _ := r.config.Directory.Reached(r.source.Stream, state.Created)
		if state.Last < reached.Sequence { // read on in between, or put back to an earlier state
			state, err = r.stands(ctx)
		}
		if err == nil && state.Last < reached.Sequence {
			err = fmt.Errorf("stream %s ends at %d, and was read up to %d", r.source.Stream, state.Last, reached.Sequence)
		}
	}
	if err != nil {
		why := "does not answer"
		if errors.Is(err, eventstore.ErrSourceMissing) {
			why = "does not exist"
		}
		return r.unchecked(why, err)
	}
	err = r.config.Directory.AwaitReached(ctx, domain.Position{Stream: r.source.Stream, Created: state.Created, Sequence: state.Last})
	if err != nil {
		return r.unchecked("has not been read to its end", err)
	}
	return nil
}

func (r *Recorder) stands(ctx context.Context) (eventstore.SourceState, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return r.config.Store.SourceState(ctx, r.source)
}

func (r *Recorder) unchecked(why string, cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: fmt.Sprintf("It cannot be checked what the client is needed for: the stream %s %s. Please try again.", r.source.Stream, why),
		Cause:   cause,
	}
}
