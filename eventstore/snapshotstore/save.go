package snapshotstore

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Save stores what write writes as a snapshot, and removes old snapshots. It returns without an error only when the leader has
// returned exactly what was written. A bucket that was deleted is created again. Save returns when ctx ends.
//
// write is called when the bucket exists, and its content goes to that bucket only. If the bucket is deleted meanwhile, as by an
// erasure, nothing of the content comes into the next bucket: a bucket never holds content that was removed from the model before
// the bucket was created. write returns the message of the stream CLIENTS at which the content was taken.
func (b *Bucket) Save(ctx context.Context, write func(context.Context, io.Writer) (eventstore.Checkpoint, error)) (Snapshot, error) {
	s, err := jsapi.WithContext(ctx, func() (Snapshot, error) { return b.save(ctx, write) })
	if err != nil {
		return s, fmt.Errorf("save snapshot: %w", err)
	}
	if err := b.removeOld(ctx); err != nil {
		b.config.Log.Warn("removing old snapshots failed", "error", err)
	}
	return s, nil
}

func (b *Bucket) save(ctx context.Context, write func(context.Context, io.Writer) (eventstore.Checkpoint, error)) (s Snapshot, err error) {
	if err := b.Ensure(ctx); err != nil {
		return s, err
	}
	to, err := b.newObject(ctx)
	if err != nil {
		return s, err
	}
	chunks := bufio.NewWriterSize(to, chunkSize)
	checkpoint, err := write(ctx, chunks)
	if err == nil {
		err = chunks.Flush()
	}
	if err == nil {
		s, err = to.complete(checkpoint)
	}
	if err != nil {
		return s, errors.Join(err, b.purge(ctx, chunkSubject(to.nuid)))
	}
	if err = b.Read(ctx, s, func(io.Reader) error { return nil }); errors.Is(err, ErrDamaged) {
		err = errors.Join(err, b.remove(ctx, s))
	}
	return s, err
}

// keep is how many snapshots are kept: when the newest cannot be read, the one before may do.
const keep = 2

// removeOld removes all but the last saved snapshots of this format, and the chunks of snapshots that were never completed.
func (b *Bucket) removeOld(ctx context.Context) error {
	all, err := b.List(ctx)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(all, func(s Snapshot) bool { return s.Format != Format })
	slices.SortFunc(ours, func(a, b Snapshot) int { return cmp.Compare(b.sequence, a.sequence) })
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
	objects, err := b.objects(ctx)
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		if slices.ContainsFunc(objects, func(s Snapshot) bool { return chunkSubject(s.nuid) == subject }) {
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
