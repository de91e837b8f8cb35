package projections

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/klauspost/compress/zstd"
	"github.com/tidwall/btree"
)

// Snapshot is a directory as of one sequence of the stream. It stays as it is while the directory goes on.
type Snapshot struct {
	sequence  uint64
	storedAt  time.Time
	clock     time.Time
	highestID int64
	deleted   *idSet
	accounts  []accountSnapshot // by name
	streams   []streamSnapshot  // by name
	things    []thingsSnapshot  // by kind and account
	held      *btree.Map[int64, held]
}

type accountSnapshot struct {
	name     string
	revision domain.Revision
	clients  *tree // by name
}

type streamSnapshot struct {
	name         string
	latest       int
	recorder     string
	incarnations map[int64]incarnation
}

type thingsSnapshot struct {
	scope
	things *thingTree
}

// snapshotFormat begins every snapshot. What is written under one number is never written differently.
const snapshotFormat = "clients snapshot 1\n"

// Snapshot takes one. Reads and folds wait while it copies the roots of trees, a few for each account.
func (d *Directory) Snapshot() *Snapshot {
	s := d.copyRoots()
	slices.SortFunc(s.accounts, func(a, b accountSnapshot) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(s.streams, func(a, b streamSnapshot) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(s.things, func(a, b thingsSnapshot) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.account, b.account))
	})
	return s
}

func (d *Directory) copyRoots() *Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &Snapshot{
		sequence: d.sequence, storedAt: d.storedAt, clock: d.clock, highestID: d.highestID,
		deleted: d.deleted.copy(), held: d.references.held.Copy(),
	}
	for name, a := range d.accounts {
		s.accounts = append(s.accounts, accountSnapshot{name, a.revision, a.byName.Copy()})
	}
	for name, r := range d.references.streams {
		if r.latest == 0 { // asked for, and not on record
			continue
		}
		stream := streamSnapshot{name, r.latest, r.recorder, make(map[int64]incarnation)}
		for created, i := range r.incarnations {
			stream.incarnations[created] = *i
		}
		s.streams = append(s.streams, stream)
	}
	for scope, things := range d.references.things {
		s.things = append(s.things, thingsSnapshot{scope, things.Copy()})
	}
	return s
}

// mark says where it was taken and how it is written.
func (s *Snapshot) mark() eventstore.SnapshotMark {
	return eventstore.SnapshotMark{Sequence: s.sequence, StoredAt: s.storedAt, Form: snapshotFormat}
}

// Write writes the snapshot in a form that Restore reads, compressed and with a checksum.
func (s *Snapshot) Write(w io.Writer) error {
	if _, err := io.WriteString(w, snapshotFormat); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	compressor, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true))
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	e := newSnapshotEncoder(compressor)
	e.snapshot(s)
	if err := e.flush(); err != nil {
		_ = compressor.Close()
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := compressor.Close(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}
