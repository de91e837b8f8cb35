package ingest

import (
	"cmp"
	"context"
	"errors"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// recordLimit bounds one attempt to record a run.
const recordLimit = 5 * time.Second

// record records a run, as far as its messages can be used, and lets what is behind an unusable one wait.
func (r *Recorder) record(ctx context.Context, run []*item) {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	recorded, fault, err := r.try(ctx, run)
	if err != nil {
		for _, i := range run {
			i.done <- err
		}
		return
	}
	for _, i := range run[:recorded] {
		i.done <- r.afterwards(i)
	}
	rest := run[recorded:]
	if fault != nil {
		rest[0].done <- fault
		rest = rest[1:]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, rest...)
}

// try decides a run and stores what it leads to. It answers how many of its messages are dealt with by that, and what
// is wrong with the one behind them. When somebody else was faster with something, that is none: whoever calls tries again.
func (r *Recorder) try(ctx context.Context, run []*item) (recorded int, fault, err error) {
	if err := r.config.Directory.Err(); err != nil { // what has been recorded since is not known
		return 0, nil, err
	}
	d, recorded, fault := decideRun(r.config, run)
	var unknown *Unusable
	if errors.As(fault, &unknown) && unknown.Reason == UnknownClient {
		if err := r.config.Directory.Refresh(ctx); err != nil { // he may have been created a moment ago
			return 0, nil, err
		}
		d, recorded, fault = decideRun(r.config, run)
	}
	if recorded == 0 {
		return 0, fault, nil
	}
	for n := range d.entries {
		d.entries[n].Anew = r.anew && d.entries[n].Event == nil
	}
	last, err := r.config.Store.AppendBatch(ctx, d.entries)
	if err == nil {
		err = r.config.Directory.Await(ctx, last)
		if err != nil || r.onRecord(run[recorded-1]) {
			r.anew = false
			r.metrics.duplicates.WithLabelValues(r.source.Stream).Add(float64(d.repeats))
			return recorded, fault, err
		}
		err = domain.ErrConflict
	}
	if stale := r.config.Directory.Refresh(ctx); stale != nil { // something may have been stored, and this tells
		return 0, nil, stale
	}
	if errors.Is(err, domain.ErrConflict) {
		r.anew = !r.onRecord(run[0])
		return 0, nil, nil
	}
	r.config.Log.Warn("what another service says cannot be recorded at the moment", "stream", r.source.Stream, "error", err)
	return 0, nil, err
}

// onRecord reports whether a message is on record. Its fact may be stored and not count: see domain.ReferenceEvent. The stream then
// takes the one that would count for a repeat, unless it is recorded anew.
func (r *Recorder) onRecord(i *item) bool {
	reached, _ := r.config.Directory.Reached(r.source.Stream, i.message.Created)
	return reached.Generation != i.message.Round || reached.Sequence >= i.message.Sequence
}

// afterwards tells of a thing whose client was deleted while it was recorded.
func (r *Recorder) afterwards(i *item) error {
	if i.fact.Kind == domain.NoReference {
		return nil
	}
	t := r.config.Directory.Item(i.fact.Kind, i.fact.Account, i.fact.ID)
	if client := cmp.Or(i.subject, t.Client); t.Exists && r.config.Directory.Deleted(client) {
		return unusablef(DeletedClient, "client %d", client)
	}
	return nil
}

// errPutBack tells that a stream was put back to an earlier state while it was read.
var errPutBack = errors.New("the stream was put back to an earlier state")

// rewind records that a round of a stream is over and it is read from its beginning again, and returns when that shows.
// Where another replica was faster, that changes nothing.
func (r *Recorder) rewind(ctx context.Context, state eventstore.SourceState, round int) error {
	fact := domain.ReferenceEvent{
		Source: domain.Position{Stream: r.source.Stream, Created: state.Created, Generation: round + 1}, Operation: domain.Rewound, Replica: r.config.Replica,
	}
	last, err := r.config.Store.AppendBatch(ctx, []eventstore.Entry{{Reference: fact}})
	if err != nil {
		return err
	}
	return r.config.Directory.Await(ctx, last)
}
