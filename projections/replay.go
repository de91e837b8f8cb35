package projections

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"clients/eventstore"
)

// replayLength is how many messages are folded at once.
const replayLength = 512

// Replay folds a history into a directory: the newest snapshot that can be read, and what came after it. reached is told
// from time to time up to which sequence that is. It answers the first fault of the history.
func Replay(ctx context.Context, history *eventstore.History, log *slog.Logger, reached func(sequence uint64)) (*Directory, error) {
	d := newDirectory(log)
	snapshots := slices.Clone(history.Snapshots)
	slices.SortFunc(snapshots, func(a, b eventstore.Snapshot) int { return cmp.Compare(b.Sequence, a.Sequence) })
	for _, snapshot := range snapshots {
		if history.ReadSnapshot(ctx, snapshot, d.Restore) == nil && d.Sequence() == snapshot.Sequence {
			break
		}
		d.reset()
	}
	history.First = max(history.First, d.Sequence()+1)
	run := make([]eventstore.Record, 0, replayLength)
	fold := func() error {
		sequence, err := d.fold(run)
		run = run[:0]
		reached(sequence)
		return err
	}
	for record, fault := range history.Records(ctx) {
		if fault != nil {
			return nil, fmt.Errorf("replay: %w", fault)
		}
		if run = append(run, record); len(run) == cap(run) {
			if err := fold(); err != nil {
				return nil, fmt.Errorf("replay: %w", err)
			}
		}
	}
	if err := fold(); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return d, ctx.Err()
}
