// Package timeline folds the events of one client into its versions: what a client was after each of its events.
//
//	stream -> history.Reader -> Timeline.Versions -> Version{event, time, before, after} -> transport
//
// A version has the number of its event, from 1 up, and the time that GET shows as updated-at. The versions are read from the
// stream each time: a long history is never held as a whole. A few versions of long histories are kept in memory (see keep.go):
// a request for a part of a history reads the stream from the last kept version before that part.
//
// Guarantees: the versions include every event that was acknowledged before the directory was refreshed. Times never run
// backwards along a history, and equal those of the read model. Exception: if an earlier release has saved the snapshot, it has
// not recorded when a leader's clock was behind, so that events before the snapshot may have times that are earlier by that
// difference. The history of a deleted client ends with the deletion; that of an erased client has the erasure only.
package timeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"clients/domain"
	"clients/eventstore"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Log reads the messages of one client: see history.Reader.
type Log interface {
	Messages(ctx context.Context, account string, id int64, after, upTo uint64) iter.Seq2[eventstore.Record, error]
}

// Directory is what the read model knows.
type Directory interface {
	State(account string, id int64) domain.State
	Sequence() uint64
	Time(eventstore.Record) time.Time
}

// Timeline reads the versions of clients. It is safe for concurrent use.
type Timeline struct {
	Log       Log
	Directory Directory
	kept      *lru.Cache[place, Version]
}

// Version is one event of a client, and the client around it.
type Version struct {
	eventstore.Record
	At            time.Time     // of the event, as in the read model
	Before, After domain.Client // one that does not exist for a creation and a deletion
}

// Versions returns the versions of a client, the oldest first. There is none if the account never had such a client. An error is
// the last element: a domain.Unavailable, or an *eventstore.CorruptError where the events do not continue each other.
func (t Timeline) Versions(ctx context.Context, account string, id int64) iter.Seq2[Version, error] {
	return t.From(ctx, account, id, func(Version) bool { return false })
}

// From is Versions, but may leave out the versions for which unneeded is true, except for the last of these. unneeded is true for all
// versions up to some version, or for none.
func (t Timeline) From(ctx context.Context, account string, id int64, unneeded func(Version) bool) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		if v, found := t.lastKept(account, id, unneeded); found {
			if t.readFrom(ctx, account, id, v, yield) {
				return
			}
			t.kept.Purge() // which happens after an erasure alone
		}
		t.readFrom(ctx, account, id, Version{}, yield)
	}
}

// readFrom passes on a version and those behind it. It returns false, and has passed on nothing, if the stream does not have the event
// of that version any more.
func (t Timeline) readFrom(ctx context.Context, account string, id int64, v Version, yield func(Version, error) bool) (begun bool) {
	begun = v.Version == 0
	upTo := cmp.Or(t.Directory.State(account, id).LastSequence, t.Directory.Sequence()) // of a deleted client the last one is not known
	for record, err := range t.Log.Messages(ctx, account, id, max(v.Sequence, 1)-1, upTo) {
		switch {
		case err != nil:
		case !begun && (record.Sequence != v.Sequence || record.Revision() != v.Revision()):
			return false
		case !begun:
			begun = true
		case v.foreign(record):
			continue
		default:
			v, err = t.next(v, record)
		}
		if !yield(v, err) || err != nil {
			return true
		}
		t.keep(v)
	}
	return begun
}

// foreign reports whether a message behind a version is foreign: see readmodel.Model.
func (v Version) foreign(r eventstore.Record) bool {
	deleted := v.Version > 0 && !v.After.Exists()
	return r.Foreign != "" || deleted && !r.IsErasure() || r.Version <= v.Version
}

// next returns the version behind another one.
func (t Timeline) next(last Version, r eventstore.Record) (Version, error) {
	if r.Version != last.Version+1 && !r.IsErasure() {
		return Version{}, &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(
			"version %d of client %d follows version %d", r.Version, r.ClientID, last.Version)}
	}
	v := Version{Record: r, At: t.Directory.Time(r), Before: last.After, After: domain.Evolve(last.After, r.Event)}
	if v.At.Before(last.At) {
		v.At = last.At
	}
	if v.After.Exists() {
		if v.After.UpdatedAt = v.At; !v.Before.Exists() {
			v.After.CreatedAt = v.At
		}
		v.After.Revision = r.Revision()
	}
	return v, nil
}

// Number returns version n of a client. The error is domain.ErrNotFound if there is none, or the client did not exist then.
func (t Timeline) Number(ctx context.Context, account string, id int64, n uint64) (Version, error) {
	return t.last(ctx, account, id, func(v Version) bool { return v.Version <= n }, func(v Version) bool { return v.Version == n })
}

// AsOf returns the last version of a client that is no later than the whole second of at. The error is domain.ErrNotFound if
// the client did not exist then.
func (t Timeline) AsOf(ctx context.Context, account string, id int64, at time.Time) (Version, error) {
	end := at.Truncate(time.Second).Add(time.Second)
	return t.last(ctx, account, id, func(v Version) bool { return v.At.Before(end) }, func(Version) bool { return true })
}

// Memento returns the version that RFC 7089 selects for a time: that of AsOf, but the first one for an earlier time, and for a
// time at which the client was deleted the last one in which it existed.
func (t Timeline) Memento(ctx context.Context, account string, id int64, at time.Time) (Version, error) {
	end := at.Truncate(time.Second).Add(time.Second)
	return t.last(ctx, account, id, func(v Version) bool { return v.After.Exists() && (v.Version == 1 || v.At.Before(end)) }, func(Version) bool { return true })
}

// last returns the last of the first versions that are all within, provided that it is the wanted one and the client existed.
func (t Timeline) last(ctx context.Context, account string, id int64, within, wanted func(Version) bool) (last Version, err error) {
	for v, err := range t.From(ctx, account, id, within) {
		if err != nil {
			return Version{}, err
		}
		if !within(v) {
			break
		}
		last = v
	}
	if !wanted(last) || !last.After.Exists() {
		return Version{}, domain.ErrNotFound
	}
	return last, nil
}
