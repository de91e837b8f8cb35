package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"
)

// Reason is why a message is poison.
type Reason string

// The reasons. A message whose processing panics is unreadable, too.
const (
	Unreadable    Reason = "unreadable"
	UnknownType   Reason = "unknown-type"
	UnknownClient Reason = "unknown-client"
	DeletedClient Reason = "deleted-client"
)

func reasons() []Reason { return []Reason{Unreadable, UnknownType, UnknownClient, DeletedClient} }

// Poison reports that a message contains nothing that can be recorded, however often it is tried.
type Poison struct {
	Reason Reason
	Detail string
}

func (p *Poison) Error() string { return string(p.Reason) + ": " + p.Detail }

// maxDetail bounds the detail, in bytes: another service may determine its text.
const maxDetail = 500

func poisonf(reason Reason, format string, args ...any) *Poison {
	detail := fmt.Sprintf(format, args...)
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "..."
	}
	return &Poison{reason, strings.ToValidUTF8(detail, "?")}
}

// guard returns what step returns, or the panic it ends with as poison: the messages after it are handled all the same.
func guard(step func() *Poison) (poison *Poison) {
	defer func() {
		if reason := recover(); reason != nil {
			poison = poisonf(Unreadable, "panic: %v", reason)
		}
	}()
	return step()
}

const (
	putTimeout = 10 * time.Second
	putPause   = time.Second
)

// buryAll puts the poison messages of a run among the dead letters: all at once, so that many of them do not hold up the messages
// behind them, and those one by one for which that fails. It tries until that succeeds or ctx ends.
func (l *loop) buryAll(ctx context.Context, items []*item) error {
	var letters []deadletter.Letter
	var poisoned []*item
	for _, i := range items {
		if i.poison != nil {
			poisoned = append(poisoned, i)
			letters = append(letters, deadletter.Letter{Reason: string(i.poison.Reason), Detail: i.poison.Detail, Message: i.message})
		}
	}
	stored := l.DeadLetters.PutAll(ctx, letters)
	for n, i := range poisoned {
		if stored[n] { // counted first: bury may wait for long
			l.buried(i.message, i.poison)
		}
	}
	for n, i := range poisoned {
		if stored[n] {
			continue
		}
		if err := l.bury(ctx, i.message, i.poison); err != nil {
			return err
		}
	}
	return nil
}

// bury puts a poison message among the dead letters. It tries until that succeeds or ctx ends.
func (l *loop) bury(ctx context.Context, m upstream.Message, poison *Poison) error {
	for {
		stored, err := l.put(ctx, m, poison)
		if err == nil {
			if stored {
				l.buried(m, poison)
			}
			return nil
		}
		l.metrics.putFailures.WithLabelValues(m.Stream).Inc()
		l.Log.Error("cannot quarantine, later messages wait", "stream", m.Stream, "sequence", m.Sequence, "error", err)
		if wait(ctx, nil, putPause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (l *loop) buried(m upstream.Message, poison *Poison) {
	l.metrics.quarantined.WithLabelValues(m.Stream, string(poison.Reason)).Inc()
	l.Log.Warn("message quarantined", "stream", m.Stream, "sequence", m.Sequence, "reason", poison)
}

// put stores a dead letter once, and creates their stream again if it was deleted.
func (l *loop) put(ctx context.Context, m upstream.Message, poison *Poison) (stored bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	stored, err = l.DeadLetters.Put(ctx, m, string(poison.Reason), poison.Detail)
	if errors.Is(err, deadletter.ErrNoStream) {
		if err = l.DeadLetters.Ensure(ctx, l.StreamReplicas, l.Log); err == nil {
			return l.DeadLetters.Put(ctx, m, string(poison.Reason), poison.Detail)
		}
	}
	return stored, err
}
