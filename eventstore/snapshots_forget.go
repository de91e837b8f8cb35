package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// keptSnapshots is how many good snapshots are kept: when the newest cannot be read, the one before may do.
const keptSnapshots = 2

// forgetSnapshots removes all but the newest good snapshots of a form, and what is left of some that were never
// finished. What is not of this stream, or of another form, is left alone and counts for nothing. It leaves no trace of
// what it removes, where deleting an object would leave a marker for ever.
func (s *Store) forgetSnapshots(ctx context.Context, form string) error {
	all, err := s.Snapshots(ctx)
	if err != nil {
		return err
	}
	s.sound.keep(all)
	kept := 0
	for _, snapshot := range all {
		good, ours, err := s.judge(ctx, snapshot, form, kept == keptSnapshots)
		switch {
		case err != nil:
			return err
		case !ours:
			continue
		case good && kept < keptSnapshots:
			kept++
			continue
		}
		if err := s.purgeSnapshots(ctx, snapshot.subject, chunksOf(snapshot.nuid)); err != nil {
			return err
		}
	}
	return s.forgetOrphans(ctx, orphanAge)
}

// judge tells whether a snapshot is one of this stream and in a form; and whether it is good, which does not matter any
// more of an old one. The error tells that this cannot be told.
func (s *Store) judge(ctx context.Context, snapshot Snapshot, form string, old bool) (good, ours bool, err error) {
	if snapshot.Form != "" && snapshot.Form != form {
		return false, false, nil
	}
	err = s.CheckSnapshot(ctx, snapshot)
	if errors.Is(err, ErrForeignSnapshot) || errors.Is(err, ErrWentBackwards) {
		s.warnOnce(fmt.Sprintf("the snapshot %q is not one of this stream and is left alone", nameOf(snapshot.subject)))
		return false, false, nil
	}
	if err != nil || old && snapshot.Form != "" {
		return false, true, err
	}
	if good, known := s.sound.known(snapshot); known {
		return good, true, nil
	}
	err = s.ReadSnapshot(ctx, snapshot, OfForm(form))
	if errors.Is(err, ErrOtherForm) {
		return false, false, nil
	}
	if err != nil && !errors.Is(err, ErrSnapshotDamaged) {
		return false, true, err
	}
	s.sound.note(snapshot, err == nil)
	return err == nil, true, nil
}

// soundness is which snapshots were once read in full, and whether they were what had been saved.
type soundness struct {
	mu sync.Mutex
	of map[string]bool // by nuid
}

func (s *soundness) note(snapshot Snapshot, sound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[string]bool)
	}
	s.of[snapshot.nuid] = sound
}

func (s *soundness) known(snapshot Snapshot) (sound, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sound, known = s.of[snapshot.nuid]
	return sound, known
}

// keep drops what is known of others than these.
func (s *soundness) keep(these []Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nuid := range s.of {
		if !slices.ContainsFunc(these, func(s Snapshot) bool { return s.nuid == nuid }) {
			delete(s.of, nuid)
		}
	}
}

// orphanAge is how long chunks may lie without an object: one that is being saved has none yet.
const orphanAge = 10 * time.Minute

// forgetOrphans removes chunks that are older than age and belong to no object.
func (s *Store) forgetOrphans(ctx context.Context, age time.Duration) error {
	lying, err := s.api.StreamSubjects(ctx, snapshotStreamName, chunksOf("*"))
	if err != nil {
		return err
	}
	there, err := s.inventory(ctx)
	if err != nil {
		return err
	}
	for subject := range lying.State.Subjects {
		if there.chunks[strings.TrimPrefix(subject, chunksOf(""))] {
			continue
		}
		last, err := s.api.Message(ctx, snapshotStreamName, jsapi.Query{LastBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && time.Since(last.Time) < age {
			continue
		}
		if err == nil {
			err = s.purgeSnapshots(ctx, subject)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// purgeSnapshots removes all messages of subjects, and stops where that fails: chunks without an object are forgotten in
// time, an object without chunks is damaged.
func (s *Store) purgeSnapshots(ctx context.Context, subjects ...string) error {
	for _, subject := range subjects {
		if err := s.api.Do(ctx, "STREAM.PURGE."+snapshotStreamName, map[string]any{"filter": subject}); err != nil {
			return err
		}
	}
	return nil
}
