package snapshot

import (
	"context"
	"fmt"

	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// reportEvery is how many messages are folded between two reports of the progress.
const reportEvery = 512

// Replay folds a history into a model: the newest snapshot that can be read, and what came after it. It calls reached from
// time to time with the last sequence folded. The error is the first fault of the history, or ctx's.
func Replay(
	ctx context.Context, bucket *snapshotstore.Bucket, history *history.History, reached func(sequence uint64),
) (*readmodel.Model, error) {
	m := readmodel.NewModel()
	listing, err := bucket.ListWithRetry(ctx)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	for _, snapshot := range listing.Snapshots {
		if snapshot.Sequence > history.Last { // saved since the history was opened
			continue
		}
		if restored, err := Read(ctx, bucket, snapshot); err == nil {
			m = restored
			break
		}
	}
	history.First = max(history.First, m.Sequence+1)
	for record, err := range history.Records(ctx) {
		if err == nil {
			err = m.Fold(record)
		}
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		if m.Sequence%reportEvery == 0 {
			reached(m.Sequence)
		}
	}
	reached(m.Sequence)
	return m, ctx.Err()
}
