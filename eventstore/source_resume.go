package eventstore

import (
	"context"
	"fmt"
	"time"
)

// resume finds out which stream there is and where to go on in it, and answers how far that is on record.
func (r *SourceReader) resume(ctx context.Context) (recorded uint64, err error) {
	state, err := r.Store.SourceState(ctx, r.Source)
	if err != nil {
		return 0, err
	}
	r.Handler.Missing(false)
	reached, storedAt, err := r.Handler.Reached(ctx, state.Created)
	if err != nil {
		return 0, fmt.Errorf("position: %w", err)
	}
	rewound, err := r.rewound(ctx, state, reached, storedAt)
	if err == nil && !rewound && state.Created.Equal(r.created) && r.last > reached { // what is on record may still be there
		rewound, err = r.rewound(ctx, state, r.last, r.storedAt)
	}
	if err != nil {
		return 0, err
	}
	if rewound {
		r.Log.Error("a source was put back to an earlier state and is read again", "stream", r.Source.Stream, "reached", reached, "last", state.Last)
		if err := r.Handler.Rewind(ctx, state); err != nil {
			return 0, fmt.Errorf("rewind: %w", err)
		}
		r.last, reached = 0, 0
	}
	if !state.Created.Equal(r.created) {
		r.created, r.last, r.again = state.Created, 0, false
	}
	if reached >= r.last {
		r.last, r.storedAt = reached, storedAt
	}
	if state.First > r.last+1 {
		return reached, r.pass(ctx, state, state.First-1)
	}
	return reached, nil
}

// pass hands out that nothing is left behind the last message up to a sequence, and tells how much of that has expired.
func (r *SourceReader) pass(ctx context.Context, state SourceState, sequence uint64) error {
	expired := r.expired(state, sequence)
	by := state.FirstStored
	if sequence == state.Last {
		by = state.LastStored
	}
	if err := r.handOut(ctx, SourceMessage{Sequence: sequence, StoredAt: by, Gone: true}); err != nil {
		return err
	}
	if expired > 0 {
		r.Handler.Expired(expired)
	}
	return nil
}

// expired is how many messages there may have been behind the last one, up to a sequence, that are not there any more.
// In a stream that has others beside those that are read, only what it has lost from its beginning is sure to have been
// there.
func (r *SourceReader) expired(state SourceState, sequence uint64) uint64 {
	if state.pure {
		return sequence - r.last
	}
	if state.First <= r.last+1 {
		return 0
	}
	return min(state.First-1, sequence) - r.last
}

// rewound reports whether the stream is not any more what is on record up to a message: see Store.SourceHolds.
func (r *SourceReader) rewound(ctx context.Context, state SourceState, reached uint64, storedAt time.Time) (bool, error) {
	if reached == 0 {
		return false, nil
	}
	if state.Last < reached { // unless it has gone on in between
		now, err := r.Store.SourceState(ctx, r.Source)
		return err == nil && now.Created.Equal(state.Created) && now.Last < reached, err
	}
	holds, err := r.Store.SourceHolds(ctx, r.Source, state, reached, storedAt)
	return err == nil && !holds, err
}

// stride reads a few messages by itself where nothing was read since reading began before: a message can look like an
// answer of the server, so that the client library ends the delivery over it, and there may be no consumer to be had.
func (r *SourceReader) stride(ctx context.Context) error {
	stuck := r.again && r.begun == r.last
	r.again, r.begun = true, r.last
	for range sourceStride {
		if !stuck {
			return nil
		}
		m, _, err := r.find(ctx, r.last+1)
		if err != nil || m.Sequence == 0 {
			return err
		}
		if err := r.handOut(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
