package projections

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/klauspost/compress/zstd"
)

// Snapshot is a directory as of one sequence of the stream. It stays as it is while the directory goes on.
type Snapshot struct {
	sequence  uint64
	storedAt  time.Time
	clock     time.Time
	highestID int64
	deleted   []int64
	accounts  []accountSnapshot
	streams   []streamSnapshot
	things    []thingSnapshot
	held      []heldSnapshot
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

type thingSnapshot struct {
	thingKey
	thing
}

type heldSnapshot struct {
	client              int64
	kindAs, timeframeAs moment
}

// snapshotFormat begins every snapshot. What is written under one number is never written differently.
const snapshotFormat = "clients snapshot 1\n"

// Snapshot takes one. Reads and folds wait for as long as copying what is known of projects and invoices takes; clients
// are not copied.
func (d *Directory) Snapshot() *Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &Snapshot{sequence: d.sequence, storedAt: d.storedAt, clock: d.clock, highestID: d.highestID, deleted: slices.Collect(maps.Keys(d.deleted))}
	for name, a := range d.accounts {
		s.accounts = append(s.accounts, accountSnapshot{name, a.revision, a.byName.Copy()})
	}
	for name, r := range d.references.streams {
		stream := streamSnapshot{name, r.latest, r.recorder, make(map[int64]incarnation)}
		for created, i := range r.incarnations {
			stream.incarnations[created] = *i
		}
		s.streams = append(s.streams, stream)
	}
	s.things = make([]thingSnapshot, 0, len(d.references.things))
	for key, t := range d.references.things {
		s.things = append(s.things, thingSnapshot{key, *t}) // the hashes of its events are only ever appended to
	}
	for client, h := range d.references.held {
		if h.kindAs != (moment{}) || h.timeframeAs != (moment{}) {
			s.held = append(s.held, heldSnapshot{client, h.kindAs, h.timeframeAs})
		}
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
