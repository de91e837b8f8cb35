package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// quarantinePublisher is where Watermill's poison queue puts messages: into quarantine, and on record as dealt with, so
// that those behind them go on.
type quarantinePublisher struct{ ingest *Ingest }

// quarantineLimit bounds putting one message into quarantine.
const quarantineLimit = 10 * time.Second

// Publish puts messages of sources into quarantine, with the reason that the poison queue gives.
func (p *quarantinePublisher) Publish(_ string, messages ...*message.Message) error {
	for _, msg := range messages {
		// The time of the handler that failed may be used up.
		ctx, cancel := context.WithTimeout(p.ingest.life, quarantineLimit)
		err := p.ingest.quarantine(ctx, sourceOf(msg), readUnusable(msg.Metadata.Get(middleware.ReasonForPoisonedKey)))
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// Close has nothing to do.
func (p *quarantinePublisher) Close() error { return nil }

func (i *Ingest) quarantine(ctx context.Context, m eventstore.SourceMessage, why *Unusable) error {
	recorder, err := i.recorderOf(m.Stream)
	if err != nil {
		return err
	}
	fresh, err := i.config.Quarantine.Put(ctx, m, string(why.Reason), why.Detail)
	if errors.Is(err, eventstore.ErrNoQuarantine) {
		err = errors.Join(err, i.config.Store.EnsureQuarantine(ctx))
	}
	if err != nil { // it is tried again, and those behind it wait
		i.metrics.quarantineFailed(m.Stream, func() {
			i.config.Log.Error("a message cannot be put into quarantine, and what comes behind it is not taken in", "stream", m.Stream, "sequence", m.Sequence, "error", err)
		})
		return err
	}
	if fresh {
		i.metrics.quarantined.WithLabelValues(m.Stream, string(why.Reason)).Inc()
		i.config.Log.Warn("a message of another service cannot be used and is in quarantine", "stream", m.Stream, "sequence", m.Sequence, "reason", why)
	}
	return recorder.Pass(ctx, m)
}

// Retry tries a message in quarantine again, and takes it out when what it says is on record, or was already. It
// answers an *Unusable when it can still not be used.
func (i *Ingest) Retry(ctx context.Context, number uint64) error {
	q, err := i.config.Quarantine.Get(ctx, number)
	if err != nil {
		return err
	}
	recorder, err := i.recorderOf(q.Message.Stream)
	if err != nil {
		return err
	}
	if err := i.config.Directory.Refresh(ctx); err != nil {
		return err
	}
	fact, err := interpret(q.Message)
	if err != nil {
		return err
	}
	client, err := recorder.recordLate(ctx, q.Message, fact)
	if err != nil {
		return err
	}
	if err := i.config.Quarantine.Drop(ctx, number); err != nil {
		return err
	}
	i.config.Log.Info("message left quarantine", "stream", q.Message.Stream, "sequence", q.Message.Sequence)
	if client != 0 {
		go i.returnIfDeleted(q.Message, fact, client)
	}
	return nil
}

// A deletion that was decided before a message was taken out of quarantine may be stored after it: no command takes
// longer than deletionLimit.
const (
	deletionLimit = 15 * time.Second
	deletionLook  = 200 * time.Millisecond
)

// returnIfDeleted puts a message back into quarantine if its client is deleted in spite of it.
func (i *Ingest) returnIfDeleted(m eventstore.SourceMessage, fact domain.ReferenceEvent, client int64) {
	for begun := time.Now(); !i.config.Directory.Deleted(client); {
		if time.Since(begun) > deletionLimit || i.life.Err() != nil {
			return
		}
		select {
		case <-time.After(deletionLook):
		case <-i.life.Done():
		}
	}
	if t := i.config.Directory.Item(fact.Kind, fact.Account, fact.ID); !t.Exists || t.Client != client {
		return // it did not stand in the way any more
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.life), quarantineLimit)
	defer cancel()
	if _, err := i.config.Quarantine.Put(ctx, m, string(DeletedClient), fmt.Sprintf("client %d", client)); err != nil {
		i.config.Log.Error("message lost from quarantine", "stream", m.Stream, "sequence", m.Sequence, "error", err)
	}
}

// recordLate records a fact behind those that followed on it in its stream: of each attribute the newest word stands. It
// returns the client that the fact is about, 0 if it is known already, and an *Unusable if the client was deleted
// meanwhile.
func (r *Recorder) recordLate(ctx context.Context, m eventstore.SourceMessage, fact domain.ReferenceEvent) (client int64, err error) {
	fact.Late = true
	i := &item{message: m, fact: fact}
	for range lateAttempts {
		d, _, fault := decideRun(r.config, []*item{i})
		if fault != nil {
			return 0, fault
		}
		if d.repeats > 0 {
			r.metrics.duplicates.WithLabelValues(r.source.Stream).Inc()
			return 0, r.afterwards(i)
		}
		_, recorded := r.config.Store.AppendBatch(ctx, d.entries)
		if err := r.config.Directory.Refresh(ctx); err != nil {
			return 0, err
		}
		if recorded == nil {
			return i.subject, r.afterwards(i)
		}
	}
	return 0, fmt.Errorf("record %s %d: %w", m.Stream, m.Sequence, domain.ErrConflict)
}

const lateAttempts = 5
