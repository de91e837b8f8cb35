package snapshot

import (
	"context"
	"fmt"
	"time"

	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Replay folds a history into a model: the newest snapshot that can be read, and what came after it. It calls reached
// with each sequence folded. The error is the first fault of the history, or ctx's.
func Replay(
	ctx context.Context, bucket *snapshotstore.Bucket, history *history.History, reached func(sequence uint64),
) (*readmodel.Model, error) {
	m := readmodel.NewModel()
	snapshots, err := bucket.ListWithRetry(ctx)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	for _, snapshot := range snapshots {
		if snapshot.Sequence > history.Last { // saved since the history was opened
			continue
		}
		if restored, err := Read(ctx, bucket, snapshot); err == nil {
			m = restored
			break
		}
	}
	history.First = max(history.First, m.Sequence+1)
	return m, fold(ctx, m, history, func(eventstore.Record) bool { return false }, reached)
}

// ReplayBefore folds a history from its first message, without a snapshot, as far as the model has events earlier than end: times
// never run backwards in it. Otherwise it is like Replay.
func ReplayBefore(ctx context.Context, history *history.History, end time.Time, reached func(sequence uint64)) (*readmodel.Model, error) {
	m := readmodel.NewModel()
	return m, fold(ctx, m, history, func(r eventstore.Record) bool { return (r.Event != nil || r.Removed) && !r.StoredAt.Before(end) }, reached)
}

// fold folds a history into a model up to the first message that is beyond what is wanted.
func fold(
	ctx context.Context, m *readmodel.Model, history *history.History, beyond func(eventstore.Record) bool, reached func(sequence uint64),
) error {
	for record, err := range history.Records(ctx) {
		if err == nil && beyond(record) {
			break
		}
		if err == nil {
			err = m.Fold(&record)
		}
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		reached(m.Sequence)
	}
	return ctx.Err()
}
