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

// Content returns a snapshot's mark and what writes it.
type Content func(ctx context.Context) (Mark, func(io.Writer) error, error)

// Save stores a snapshot, removes old ones, and returns its mark. It returns without an error only when the leader has returned exactly what
// was written. A bucket that was deleted is created again. Save returns when ctx ends.
//
// The content is requested once the bucket exists, and goes to that bucket only: if it is deleted meanwhile, nothing of the
// content comes into the one that is made again. So a bucket holds nothing that the content did not have any more when the
// bucket was made.
func (b *Bucket) Save(ctx context.Context, content Content) (Mark, error) {
	m, err := jsapi.WithContext(ctx, func() (Mark, error) { return b.save(ctx, content) })
	if err != nil {
		return m, fmt.Errorf("save snapshot: %w", err)
	}
	if err := b.removeOld(ctx, m.Form); err != nil {
		b.config.Log.Warn("removing old snapshots failed", "error", err)
	}
	return m, nil
}

func (b *Bucket) save(ctx context.Context, content Content) (m Mark, err error) {
	if err := b.Ensure(ctx); err != nil {
		return m, err
	}
	to, err := b.newObject(ctx)
	if err != nil {
		return m, err
	}
	m, write, err := content(ctx)
	if err == nil {
		chunks := bufio.NewWriterSize(to, chunkSize)
		err = errors.Join(write(chunks), chunks.Flush())
	}
	if err == nil {
		err = to.complete(m)
	}
	if err != nil {
		return m, errors.Join(err, b.purge(ctx, chunkSubject(to.nuid)))
	}
	return m, b.verify(ctx, to.nuid)
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
	if err = b.send(ctx, saved, io.Discard); err != nil {
		err = b.explain(ctx, saved, err)
	}
	if errors.Is(err, ErrDamaged) {
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
