package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"clients/eventstore"
)

// snapshotCheck is a snapshot that waits for the replay to reach it. What it holds is kept as a digest: a directory for
// each would be too much.
type snapshotCheck struct {
	eventstore.Snapshot
	digest [32]byte
	err    error // why it could not be read
	read   func(into *Directory) error
}

// readSnapshots reads all of them before anything else: a service that runs goes on to save new ones, and forgets these.
func (n *auditor) readSnapshots(ctx context.Context) error {
	for _, stranger := range n.History.Strangers {
		n.fault(Fault{Kind: FaultSnapshot, Detail: stranger})
	}
	size, done := uint64(0), uint64(0)
	for _, snapshot := range n.History.Snapshots {
		size += snapshot.Size
	}
	reached := n.Stage(InBytes, size)
	for _, snapshot := range n.History.Snapshots {
		check := &snapshotCheck{Snapshot: snapshot, read: func(into *Directory) error {
			return n.History.ReadSnapshot(ctx, snapshot, into.Restore)
		}}
		d := newDirectory(slog.New(slog.DiscardHandler))
		check.err = n.History.ReadSnapshot(ctx, snapshot, func(r io.Reader) error {
			return d.Restore(countingReader{r, func(bytes int) { done += uint64(bytes); reached(min(done, size)) }})
		})
		if check.err == nil && d.sequence != snapshot.Sequence {
			check.err = fmt.Errorf("%w: it is one of sequence %d", eventstore.ErrSnapshotDamaged, d.sequence)
		}
		if errors.Is(check.err, eventstore.ErrSnapshotGone) {
			continue
		}
		if check.err != nil && !unusable(check.err) { // the store did not answer, which is no fault of the snapshot
			return check.err
		}
		check.digest = d.Snapshot().digest()
		n.snapshot = append(n.snapshot, check)
	}
	slices.SortFunc(n.snapshot, func(a, b *snapshotCheck) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), a.SavedAt.Compare(b.SavedAt))
	})
	return nil
}

// countingReader tells how much is read.
type countingReader struct {
	io.Reader
	read func(bytes int)
}

func (r countingReader) Read(into []byte) (int, error) {
	n, err := r.Reader.Read(into)
	r.read(n)
	return n, err
}

// checkSnapshots holds those snapshots against the replay that it has reached.
func (n *auditor) checkSnapshots() {
	for len(n.snapshot) > 0 && n.snapshot[0].Sequence <= n.d.sequence {
		check := n.snapshot[0]
		n.snapshot = n.snapshot[1:]
		if wrong := n.compare(check); wrong != "" {
			n.faultOf(check, wrong)
		}
	}
}

// compare answers what is wrong with a snapshot, as of the sequence of the replay or, where messages are missing, one
// before.
func (n *auditor) compare(check *snapshotCheck) string {
	switch {
	case check.err != nil:
		return check.err.Error()
	case check.Sequence < n.History.First:
		return "" // what it was made of has been purged
	case n.d.storedAt.IsZero():
		return "the message that it was taken at is missing"
	case !check.StoredAt.Equal(n.d.storedAt):
		return "it was taken of another stream"
	case n.History.First > 1:
		return ""
	case check.digest == n.d.Snapshot().digest():
		n.findings.Snapshots++
		return ""
	}
	suspicion := ""
	if n.findings.Faults > 0 {
		suspicion = "; the faults before it may be why"
	}
	taken := newDirectory(slog.New(slog.DiscardHandler))
	if err := check.read(taken); err != nil { // it was forgotten since
		return "it is not what the stream gives" + suspicion
	}
	return "it is not what the stream gives: " + taken.difference(n.d) + suspicion
}

// checkRemainingSnapshots tells of those that the stream does not reach.
func (n *auditor) checkRemainingSnapshots() {
	for _, check := range n.snapshot {
		switch {
		case check.err != nil:
			n.faultOf(check, check.err.Error())
		case check.Sequence > n.History.Last:
			n.faultOf(check, fmt.Sprintf("the stream ends before it, at %d: it has lost its end", n.History.Last))
		}
	}
}

func (n *auditor) faultOf(check *snapshotCheck, wrong string) {
	n.fault(Fault{First: check.Sequence, Last: check.Sequence, Kind: FaultSnapshot, Detail: "the snapshot of this sequence: " + wrong})
}
