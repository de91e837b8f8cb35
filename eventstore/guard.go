package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrReplaced tells that the stream is not the one that has been followed so far: it was made again, or put back to an
// earlier copy of itself. What was folded of the former one says nothing of this one.
var ErrReplaced = errors.New("the stream " + Stream + " was replaced while the service ran, which has to be started again")

// errBehind tells that the stream's leader has not got what was read, which it may yet come to.
var errBehind = errors.New("the stream's leader has not got what was read of the stream")

// identity is which stream is followed, and up to which message of it. A stream of the same name may take its place
// while the service runs: made again, restored from a backup, or put back to an earlier state of its files. What is
// known of the one then says nothing of the other, so that nothing is read or stored any more.
type identity struct {
	created  time.Time // of the stream; does not change once the store is open
	mu       sync.Mutex
	reached  mark  // the last message that is known to be in it
	behind   doubt // that the leader says the stream ends before that
	gone     doubt // that it says it has not got that message
	lacking  doubt // that it says it has fewer messages than sequences
	absent   doubt // that there is no stream
	excused  Excused
	fault    error
	replaced chan struct{} // closed when there is a fault; nil before somebody waits for that
}

// mark is a message by which a stream is known again.
type mark struct {
	sequence uint64
	storedAt time.Time // zero where that is not known
}

// known answers how far the stream has been read, ErrReplaced when it is another one by now, or ErrIncomplete.
func (i *identity) known() (mark, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reached, i.fault
}

// advance remembers a message that was read.
func (i *identity) advance(m mark) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if m.sequence > i.reached.sequence {
		i.reached = m
	}
}

// replace tells, once and for all, that the stream is another one.
func (i *identity) replace(format string, args ...any) error {
	return i.fail(replacedBy(format, args...))
}

func replacedBy(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrReplaced, fmt.Sprintf(format, args...))
}

// fail ends the use of the stream, once and for all, and returns the first reason for that.
func (i *identity) fail(fault error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fault == nil {
		i.fault = fault
		if i.replaced != nil {
			close(i.replaced)
		}
	}
	return i.fault
}

// lost returns what is closed when the stream cannot be used any more.
func (i *identity) lost() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.replaced == nil {
		i.replaced = make(chan struct{})
		if i.fault != nil {
			close(i.replaced)
		}
	}
	return i.replaced
}

// doubt is since when a leader has been saying what contradicts what was read; zero while it does not.
type doubt struct{ since, last time.Time }

// lapse ends a doubt that was not repeated for so long: what a leader said before it fell silent says nothing of the
// next one.
const lapse = 2 * time.Second

// repeated answers for how long the same has been said.
func (d *doubt) repeated() time.Duration {
	now := time.Now()
	if now.Sub(d.last) > lapse {
		d.since = now
	}
	d.last = now
	return now.Sub(d.since)
}

// doubt is told that the leader has not got what was read. A single server knows what it has. Where servers hold the
// stream together, the one that answers may be behind, and is taken at its word only after it cannot be any more.
func (i *identity) doubt(d *doubt, single bool, fault error) error {
	i.mu.Lock()
	sure := d.repeated() >= deposed || single
	i.mu.Unlock()
	if sure {
		return i.fail(fault)
	}
	return errBehind
}

// compare holds what the leader says against the stream that is known, as far as reached, which was asked for before
// the leader was. It answers whether the message there has yet to be looked at.
func (i *identity) compare(info jsapi.StreamInfo, reached mark) (look bool, err error) {
	i.certain(&i.absent)
	switch {
	case !info.Created.Equal(i.created):
		return false, i.replace("it was made at %s, and that one at %s", clock(info.Created), clock(i.created))
	case info.State.Last < reached.sequence:
		return false, i.doubt(&i.behind, info.Cluster.Single(), replacedBy("it ends at sequence %d, and was read up to %d", info.State.Last, reached.sequence))
	}
	i.certain(&i.behind)
	if err := i.complete(info); err != nil {
		return false, err
	}
	return info.State.Last == reached.sequence && !info.State.LastTime.Equal(reached.storedAt), nil
}

// vanished returns ErrIncomplete instead of err once that has been saying for long enough that there is no stream.
func (i *identity) vanished(err error) error {
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if sure := i.doubt(&i.absent, false, fmt.Errorf("%w: the stream was deleted", ErrIncomplete)); !errors.Is(sure, errBehind) {
		return sure
	}
	return err
}

// certain ends a doubt.
func (i *identity) certain(d *doubt) {
	i.mu.Lock()
	defer i.mu.Unlock()
	*d = doubt{}
}

// appended holds the sequence that an event was stored under against how far the stream had been read before.
func (i *identity) appended(sequence uint64, before mark) error {
	if sequence > before.sequence {
		return nil
	}
	return i.replace("a new message was given sequence %d, and it had been read up to %d", sequence, before.sequence)
}

// followed asks the leader where the stream stands that is followed. It answers ErrReplaced where that is another
// one by now, ErrIncomplete where messages are missing, and errBehind where either cannot be told.
func (s *Store) followed(ctx context.Context) (jsapi.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	for {
		reached, err := s.identity.known()
		if err != nil {
			return jsapi.StreamInfo{}, err
		}
		info, err := s.api.StreamInfo(ctx, Stream)
		if err != nil {
			return info, s.identity.vanished(err)
		}
		look, err := s.identity.compare(info, reached)
		if look {
			err = s.holds(ctx, reached)
		}
		if !errors.Is(err, errBehind) {
			return info, err
		}
		select {
		case <-time.After(behindPause):
		case <-ctx.Done():
			return info, err
		}
	}
}

// behindPause is between questions to a leader that is behind.
const behindPause = 10 * time.Millisecond

// holds makes sure that the stream still has a message that was read of it, by asking the leader. It answers ErrReplaced
// where it has another one, or none; and errBehind where that cannot be told.
func (s *Store) holds(ctx context.Context, m mark) error {
	if m.storedAt.IsZero() {
		return nil
	}
	answer, err := s.api.Message(ctx, Stream, jsapi.Query{Sequence: m.sequence})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		info, err := s.api.StreamInfo(ctx, Stream)
		if err != nil || info.State.Last == m.sequence && info.State.LastTime.Equal(m.storedAt) { // it was purged
			return cmp.Or(err, s.identity.complete(info))
		}
		return s.identity.doubt(&s.identity.gone, info.Cluster.Single(), replacedBy("message %d is gone, up to which it was read", m.sequence))
	}
	if err != nil {
		return err
	}
	s.identity.certain(&s.identity.gone)
	if !answer.Time.Equal(m.storedAt) {
		return s.identity.replace("message %d was stored at %s, and the one that was read at %s", m.sequence, clock(answer.Time), clock(m.storedAt))
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
