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

// loop reads and records the messages of one stream in their order. It handles one run at a time.
type loop struct {
	Config
	metrics *ingestMetrics
	stream  upstream.Stream
	out     chan *message.Message
	missing bool // the stream
}

const (
	recordTimeout = 5 * time.Second // of one attempt to record a run
	maxRun        = eventstore.MaxBatch / 2
)

var errOtherRecord = errors.New("the batch does not continue the recorded position")

// handle returns once all messages of a run are on record, recorded by any replica.
func (l *loop) handle(msg *message.Message) error {
	ctx := msg.Context()
	run, _ := ctx.Value(runKey{}).([]upstream.Message)
	since, tried := time.Now(), false // since when run[0] is the next message to be recorded, and whether this replica has tried
	for ctx.Err() == nil {
		reached, changed := l.Directory.Reached(l.stream.Name, run[0].Created)
		if reached.Generation != run[0].Generation || reached.Sequence < run[0].Previous {
			return errOtherRecord
		}
		rest := slices.IndexFunc(run, func(m upstream.Message) bool { return m.Sequence > reached.Sequence })
		left := l.Patience - time.Since(since)
		switch {
		case rest < 0:
			return nil
		case rest > 0: // those in front of it are on record by now
			run, since, tried = run[rest:], time.Now(), false
		case left > 0 && reached.Replica != "" && reached.Replica != l.Replica: // the other replica continues
			wait(ctx, changed, left)
		default:
			if err := l.record(ctx, run[:min(len(run), maxRun)], tried); err != nil {
				return err
			}
			tried = true
		}
	}
	return ctx.Err()
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
// without having stored the run if another replica, or a change of a client, was first: then the run is decided again. A
// stored reference event may turn out not to count, see domain.ReferenceEvent. The stream would drop another one about the same
// message as a duplicate, unless anew is set.
func (l *loop) record(ctx context.Context, run []upstream.Message, anew bool) error {
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
	if err := l.buryAll(ctx, items); err != nil {
		return err
	}
	stored, err := l.store(ctx, d, anew)
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
func (l *loop) store(ctx context.Context, d *decision, anew bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	for n := range d.entries {
		d.entries[n].Anew = anew && d.entries[n].Event == nil
	}
	last, err := l.Store.AppendBatch(ctx, d.entries)
	if err == nil {
		l.metrics.duplicates.WithLabelValues(l.stream.Name).Add(float64(d.duplicates))
		return true, l.Directory.Await(ctx, last)
	}
	if stale := l.Directory.Refresh(ctx); stale != nil { // something may have been stored
		return false, stale
	}
	if errors.Is(err, domain.ErrConflict) {
		return false, nil
	}
	l.Log.Warn("cannot record upstream events", "stream", l.stream.Name, "error", err)
	return false, err
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
