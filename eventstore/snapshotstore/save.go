package snapshotstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// chunkSize is the size of all chunks but the last.
const chunkSize = 128 << 10

// Save stores what write writes as a snapshot, and removes old ones. It returns without an error only when the leader has
// returned exactly what was written. A bucket that was deleted is created again. Save returns when ctx ends.
func (b *Bucket) Save(ctx context.Context, m Mark, write func(io.Writer) error) error {
	_, err := jsapi.WithContext(ctx, func() (struct{}, error) { return struct{}{}, b.save(ctx, m, write) })
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	if err := b.removeOld(ctx, m.Form); err != nil {
		b.config.Log.Warn("removing old snapshots failed", "error", err)
	}
	return nil
}

func (b *Bucket) save(ctx context.Context, m Mark, write func(io.Writer) error) error {
	if err := b.Ensure(ctx); err != nil {
		return err
	}
	store, err := b.api.JetStream.ObjectStore(ctx, Name)
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		chunks := bufio.NewWriterSize(writer, chunkSize) // Put makes a chunk of each piece that it reads
		writer.CloseWithError(errors.Join(write(chunks), chunks.Flush()))
	}()
	object, err := store.Put(ctx, jetstream.ObjectMeta{
		Name:        fmt.Sprintf("%020d-%d", m.Sequence, time.Now().UnixNano()),
		Description: "The directory of clients at a sequence of CLIENTS",
		Metadata:    m.metadata(),
		Opts:        &jetstream.ObjectMetaOptions{ChunkSize: chunkSize},
	}, reader)
	_ = reader.CloseWithError(errors.New("object store stopped reading"))
	if err != nil {
		return err
	}
	return b.verify(ctx, object.NUID)
}

// verify reads a snapshot that was just stored, and removes it if it is damaged.
func (b *Bucket) verify(ctx context.Context, nuid string) error {
	listing, err := b.List(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(listing.Snapshots, func(s Snapshot) bool { return s.nuid == nuid })
	if i < 0 {
		return ErrGone
	}
	saved := listing.Snapshots[i]
	if err = b.send(ctx, saved, io.Discard); errors.Is(err, ErrDamaged) {
		err = errors.Join(err, b.remove(ctx, saved))
	}
	return err
}

// keep is how many snapshots are kept: when the newest cannot be read, the one before may do.
const keep = 2

// removeOld removes all but the last saved snapshots of a form, and the chunks of snapshots that were never completed.
func (b *Bucket) removeOld(ctx context.Context, form string) error {
	listing, err := b.List(ctx)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(slices.Clone(listing.Snapshots), func(s Snapshot) bool { return s.Form != form })
	slices.SortFunc(ours, func(a, b Snapshot) int { return int(int64(b.sequence - a.sequence)) })
	for _, old := range ours[min(keep, len(ours)):] {
		if err := b.remove(ctx, old); err != nil {
			return err
		}
	}
	return b.removeLeftovers(ctx, leftoverAge)
}

// remove purges a snapshot. Chunks without an object are removed in time; an object without chunks would be a damaged one.
func (b *Bucket) remove(ctx context.Context, s Snapshot) error {
	return errors.Join(b.purge(ctx, s.subject), b.purge(ctx, chunkSubject(s.nuid)))
}

func (b *Bucket) purge(ctx context.Context, subject string) error {
	return b.api.Do(ctx, "STREAM.PURGE."+Stream, map[string]any{"filter": subject})
}

// leftoverAge is how long chunks are kept without an object: one that is being saved has none yet.
const leftoverAge = 10 * time.Minute

// removeLeftovers removes chunks that are older than age and belong to no object.
func (b *Bucket) removeLeftovers(ctx context.Context, age time.Duration) error {
	info, err := b.api.StreamSubjects(ctx, Stream, chunkSubject("*"))
	if err != nil {
		return err
	}
	listing, err := b.List(ctx)
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		if listing.nuids[strings.TrimPrefix(subject, chunkSubject(""))] {
			continue
		}
		last, err := b.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && time.Since(last.Time) < age {
			continue
		}
		if err == nil {
			err = b.purge(ctx, subject)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
