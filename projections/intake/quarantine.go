package intake

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
type quarantinePublisher struct{ intake *Intake }

// quarantineLimit bounds putting one message into quarantine.
const quarantineLimit = 10 * time.Second

// Publish puts messages of sources into quarantine, with the reason that the poison queue gives.
func (p *quarantinePublisher) Publish(_ string, messages ...*message.Message) error {
	for _, msg := range messages {
		// The time of the handler that failed may be used up.
		ctx, cancel := context.WithTimeout(p.intake.life, quarantineLimit)
		err := p.intake.quarantine(ctx, sourceOf(msg), readUnusable(msg.Metadata.Get(middleware.ReasonForPoisonedKey)))
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// Close has nothing to do.
func (p *quarantinePublisher) Close() error { return nil }

func (i *Intake) quarantine(ctx context.Context, m eventstore.SourceMessage, why *Unusable) error {
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
func (i *Intake) Retry(ctx context.Context, number uint64) error {
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
	if err := recorder.recordLate(ctx, q.Message, fact); err != nil {
		return err
	}
	i.config.Log.Info("a message was taken out of quarantine", "stream", q.Message.Stream, "sequence", q.Message.Sequence)
	return i.config.Quarantine.Drop(ctx, number)
}

// recordLate records a fact behind those that followed on it in its stream: of each attribute the newest word stands.
func (r *Recorder) recordLate(ctx context.Context, m eventstore.SourceMessage, fact domain.Fact) error {
	for range lateAttempts {
		fact.Late = true
		d, _, fault := decideRun(r.config, []*item{{message: m, fact: fact}})
		if fault != nil {
			return fault
		}
		if d.entries[len(d.entries)-1].Fact.Thing == domain.Nothing { // it is known
			return nil
		}
		last, err := r.config.Store.RecordRun(ctx, d.entries)
		if err == nil {
			return r.config.Directory.Await(ctx, last)
		}
		if err := r.config.Directory.Refresh(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("record %s %d: %w", m.Stream, m.Sequence, domain.ErrConflict)
}

const lateAttempts = 5
