package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"clients/eventstore/snapshotstore"
	"clients/projections/snapshot"
)

// snapshotCheck is a snapshot that waits for the fold to reach it. Only its digest is kept: a model for each would be too
// much.
type snapshotCheck struct {
	snapshotstore.Snapshot
	digest [sha256.Size]byte
	err    error // why it could not be read
}

// readSnapshots reads all snapshots before anything else: a running service saves new ones and removes these.
func (n *auditor) readSnapshots(ctx context.Context) error {
	for _, s := range slices.Backward(n.Snapshots) { // the lowest sequence first
		if s.Format != "" && s.Format != snapshotstore.Format { // of another release, which reads it
			continue
		}
		model, err := snapshot.Read(ctx, n.Bucket, s)
		switch {
		case errors.Is(err, snapshotstore.ErrGone):
			continue
		case err != nil && !snapshot.Unusable(err): // the store did not respond, which is no fault of the snapshot
			return err
		}
		check := &snapshotCheck{Snapshot: s, err: err}
		if err == nil {
			check.digest = snapshot.Digest(model.View())
		}
		n.snapshots = append(n.snapshots, check)
	}
	return nil
}

// checkSnapshots compares the snapshots up to a sequence with the model, which has reached it, or cannot.
func (n *auditor) checkSnapshots(upTo uint64) {
	for len(n.snapshots) > 0 && n.snapshots[0].Sequence <= upTo {
		check := n.snapshots[0]
		n.snapshots = n.snapshots[1:]
		if wrong := n.compare(check); wrong != "" {
			n.fault(Fault{First: check.Sequence, Last: check.Sequence, Kind: FaultSnapshot, Detail: "the snapshot of this sequence: " + wrong})
		}
	}
}

// compare returns what is wrong with a snapshot, as of the sequence of the model or, where messages are missing, one before.
func (n *auditor) compare(check *snapshotCheck) string {
	switch {
	case check.err != nil:
		return check.err.Error()
	case check.Sequence > n.History.Last:
		return fmt.Sprintf("the stream ends before it, at %d: it has lost its end", n.History.Last)
	case n.History.First > 1, check.Sequence < n.History.Removals.Erased():
		return "" // what it was made of was purged or erased
	case !check.StoredAt.Equal(n.model.StoredAt):
		return "the message that it was taken at is missing, or it was taken of another stream"
	case check.digest != snapshot.Digest(n.model.View()):
		return "it is not what the stream gives"
	}
	n.findings.Snapshots++
	return ""
}
