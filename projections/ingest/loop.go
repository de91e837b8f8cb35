package ingest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/upstream"

	"github.com/ThreeDotsLabs/watermill/message"
)

// loop records the messages of one stream in their order. It handles one run at a time.
type loop struct {
	Config
	metrics *ingestMetrics
	stream  upstream.Stream
	again   bool // reference events are stored although the stream seems to hold them, see onRecord
}

const (
	recordTimeout = 5 * time.Second // of one attempt to record a run
	maxRun        = eventstore.MaxBatch / 2
)

var errOtherRecord = errors.New("the batch does not continue the recorded position")

// handle returns once all messages of a run are on record, recorded by any replica.
func (l *loop) handle(msg *message.Message) error {
	ctx, run := msg.Context(), runOf(msg)
	for since := time.Now(); len(run) > 0; {
		reached, changed := l.Directory.Reached(l.stream.Name, run[0].Created)
		if reached.Generation != run[0].Generation || reached.Sequence < run[0].Previous {
			return errOtherRecord
		}
		rest := slices.IndexFunc(run, func(m upstream.Message) bool { return m.Sequence > reached.Sequence })
		if rest < 0 {
			return nil
		}
		if rest > 0 {
			run, since = run[rest:], time.Now()
			continue
		}
		if left := l.Patience - time.Since(since); left > 0 && reached.Replica != "" && reached.Replica != l.Replica {
			wait(ctx, changed, left)
		} else if err := l.record(ctx, run[:min(len(run), maxRun)]); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when changed is closed, after a time, or when ctx ends. A nil changed is never closed.
func wait(ctx context.Context, changed <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// record decides a run, puts its poison messages among the dead letters and stores what the others lead to. It returns nil
// without having stored the run if another replica, or a change of a client, was first: then the run is decided again.
func (l *loop) record(ctx context.Context, run []upstream.Message) error {
	if err := l.Directory.Err(); err != nil { // what was recorded since is not known
		return err
	}
	items, end := l.interpretRun(ctx, run)
	defer end()
	d := decideRun(l.Config, items)
	if slices.ContainsFunc(items, isUnknownClient) { // it may have been created a moment ago
		if err := l.Directory.Refresh(ctx); err != nil {
			return err
		}
		d = decideRun(l.Config, items)
	}
	for _, i := range items {
		if i.poison != nil {
			if err := l.bury(ctx, i.message, i.poison); err != nil {
				return err
			}
		}
	}
	stored, err := l.store(ctx, run, d)
	if !stored || err != nil {
		return err
	}
	for _, i := range items {
		if poison := l.deletedMeanwhile(i); poison != nil {
			if err := l.bury(ctx, i.message, poison); err != nil {
				return err
			}
		}
	}
	return nil
}

// store stores a decision and waits until the directory shows it. It returns false if something was stored by another
// writer first.
func (l *loop) store(ctx context.Context, run []upstream.Message, d *decision) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	for n := range d.entries {
		d.entries[n].Anew = l.again && d.entries[n].Event == nil
	}
	last, err := l.Store.AppendBatch(ctx, d.entries)
	if err == nil {
		err = l.Directory.Await(ctx, last)
		if err != nil || l.onRecord(run[len(run)-1]) {
			l.again = false
			l.metrics.duplicates.WithLabelValues(l.stream.Name).Add(float64(d.duplicates))
			return true, err
		}
		err = domain.ErrConflict
	}
	if stale := l.Directory.Refresh(ctx); stale != nil { // something may have been stored
		return false, stale
	}
	if errors.Is(err, domain.ErrConflict) {
		l.again = !l.onRecord(run[0])
		return false, nil
	}
	l.Log.Warn("cannot record upstream events", "stream", l.stream.Name, "error", err)
	return false, err
}

// onRecord reports whether a message is on record. Its reference event may be stored and not count, see
// domain.ReferenceEvent. Then the stream takes the one that would count for a duplicate, unless it is stored again.
func (l *loop) onRecord(m upstream.Message) bool {
	reached, _ := l.Directory.Reached(l.stream.Name, m.Created)
	return reached.Generation != m.Generation || reached.Sequence >= m.Sequence
}

// deletedMeanwhile returns poison if a client was deleted while the message was recorded.
func (l *loop) deletedMeanwhile(i *item) *Poison {
	if i.poison != nil || i.event.Kind == domain.NoReference {
		return nil
	}
	t := l.Directory.Item(i.event.Kind, i.event.Account, i.event.ID)
	if client := cmp.Or(i.subject, t.Client); t.Exists && l.Directory.Deleted(client) {
		return poisonf(DeletedClient, "client %d", client)
	}
	return nil
}

// rewind records that a generation of the stream has ended and returns when the directory shows it. If another replica has
// recorded that first, nothing changes.
func (l *loop) rewind(ctx context.Context, created time.Time, generation int) error {
	last, err := l.Store.AppendBatch(ctx, []eventstore.Entry{{Reference: domain.ReferenceEvent{
		Source: domain.Position{Stream: l.stream.Name, Created: created, Generation: generation + 1}, Operation: domain.Rewound, Replica: l.Replica,
	}}})
	if err != nil {
		return err
	}
	return l.Directory.Await(ctx, last)
}
