package snapshot

import (
	"context"
	"fmt"
	"time"

	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Replay folds a history into a model. Without a time it begins with the newest snapshot that can be read. With one it reads the
// history from its first message, as far as the model has events earlier than that time: times never run backwards in it. It calls
// reached with each sequence folded. The error is the first fault of the history, or ctx's.
func Replay(
	ctx context.Context, bucket *snapshotstore.Bucket, history *history.History, before *time.Time, reached func(sequence uint64),
) (m *readmodel.Model, err error) {
	m = readmodel.NewModel()
	rest := *history
	if before == nil {
		if m, err = newest(ctx, bucket, history.Last); err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		rest.First = max(rest.First, m.Sequence+1)
	}
	for record, err := range rest.Records(ctx) {
		if err == nil && before != nil && (record.Event != nil || record.Removed) && !record.StoredAt.Before(*before) {
			break
		}
		if err == nil {
			err = m.Fold(&record)
		}
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		reached(m.Sequence)
	}
	return m, ctx.Err()
}

// newest returns the newest snapshot that can be read, of those up to a sequence: later ones were saved since.
func newest(ctx context.Context, bucket *snapshotstore.Bucket, upTo uint64) (*readmodel.Model, error) {
	snapshots, err := bucket.ListWithRetry(ctx)
	for _, snapshot := range snapshots {
		if snapshot.Sequence > upTo {
			continue
		}
		if m, err := Read(ctx, bucket, snapshot); err == nil {
			return m, nil
		}
	}
	return readmodel.NewModel(), err
}
