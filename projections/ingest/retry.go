package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore/deadletter"
)

// Retry ingests a dead letter again, and drops it once its event is on record, also if it was before. The error is a *Poison
// if the message still cannot be attributed to an existing client, and deadletter.ErrAway if it is recorded but was not
// dropped: it can be dropped, or tried again, later.
func (i *Ingest) Retry(ctx context.Context, number uint64) error {
	letter, err := i.config.DeadLetters.Get(ctx, number)
	if err != nil {
		return err
	}
	m := letter.Message
	l := i.loops[m.Stream]
	if l == nil {
		return domain.Errorf(domain.Invalid, "%q is not a stream that is read.", m.Stream)
	}
	if err := l.Directory.Refresh(ctx); err != nil {
		return err
	}
	late := interpret(m)
	if late.unreadable != nil {
		return late.unreadable
	}
	if err := l.recordLate(ctx, late); err != nil {
		return err
	}
	if err := l.DeadLetters.Drop(ctx, number); err != nil && !errors.Is(err, deadletter.ErrNotFound) { // another retry dropped it
		return fmt.Errorf("recorded, but still in quarantine: %w", err)
	}
	l.Log.Info("message left quarantine", "stream", m.Stream, "sequence", m.Sequence)
	if late.subject != 0 {
		go l.returnIfDeleted(i.life, late)
	}
	return nil
}

const lateAttempts = 5

// recordLate records an event behind those that its stream has delivered since: for each attribute the newest value stays.
// It sets item.subject to the client that the event is about, 0 if the event is known already.
func (l *loop) recordLate(ctx context.Context, i *item) error {
	i.event.Late = true
	for range lateAttempts {
		d := decideRun(l.Config, []*item{i})
		if i.poison != nil {
			return i.poison
		}
		if d.duplicates > 0 {
			d.entries = nil // it is on record
		}
		stored, err := l.store(ctx, d, false)
		if err != nil {
			return err
		}
		if poison := l.deletedMeanwhile(i); stored && poison != nil {
			return poison
		}
		if stored {
			return nil
		}
	}
	return fmt.Errorf("record %s %d: %w", i.message.Stream, i.message.Sequence, domain.ErrConflict)
}

// A deletion that was decided before a message left the dead letters may be stored after it: no command takes longer than
// deletionTimeout.
const (
	deletionTimeout  = 15 * time.Second
	deletionInterval = 200 * time.Millisecond
)

// returnIfDeleted makes a message a dead letter again if its client is deleted in spite of it.
func (l *loop) returnIfDeleted(ctx context.Context, i *item) {
	for begun := time.Now(); !l.Directory.Deleted(i.subject); {
		if time.Since(begun) > deletionTimeout || ctx.Err() != nil {
			return
		}
		wait(ctx, nil, deletionInterval)
	}
	if t := l.Directory.Item(i.event.Kind, i.event.Account, i.event.ID); !t.Exists || t.Client != i.subject {
		return // it no longer forbade the deletion
	}
	if _, err := l.put(context.WithoutCancel(ctx), i.message, poisonf(DeletedClient, "client %d", i.subject)); err != nil {
		l.Log.Error("message lost from quarantine", "stream", i.message.Stream, "sequence", i.message.Sequence, "error", err)
	}
}
