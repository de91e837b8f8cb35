package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrReplaced tells that the stream is not the one that has been followed so far: it was made again, or put back to an
// earlier copy of itself. What was folded of the former one says nothing of this one.
var ErrReplaced = errors.New("the stream " + Stream + " was replaced while the service ran, which has to be started again")

// errBehind is why a stream that ends too early may have been replaced; it may as well be told by a server that does not
// know that it is not the leader any more.
var errBehind = fmt.Errorf("%w: it ends before what was followed", ErrReplaced)

// identity is what tells the stream that is followed from another one by its name.
type identity struct {
	mu       sync.Mutex
	created  time.Time // of the stream; does not change once the store is open
	reached  uint64    // the sequence of the last message that was handed on
	storedAt time.Time // of that message; zero as long as none was
}

func (i *identity) advance(last Record) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if last.Sequence > i.reached {
		i.reached, i.storedAt = last.Sequence, last.StoredAt
	}
}

func (i *identity) last() (reached uint64, storedAt time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reached, i.storedAt
}

// check tells whether info is of the stream that is followed. One that is made again is known by its creation, one that
// was put back by its end, unless it has outgrown that by now: see Store.checkReached.
func (i *identity) check(info streamInfo) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !info.Created.Equal(i.created) {
		return fmt.Errorf("%w: it was created at %s, and not at %s", ErrReplaced, info.Created, i.created)
	}
	if info.State.Last < i.reached {
		return fmt.Errorf("%w: at %d, and it had reached %d", errBehind, info.State.Last, i.reached)
	}
	return nil
}

// checkReached tells whether the last message that was handed on is still what the stream holds there. It answers
// errUnanswered when nobody says so.
func (s *Store) checkReached(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, followPatience)
	defer cancel()
	reached, storedAt := s.identity.last()
	if storedAt.IsZero() {
		return nil
	}
	var held storedMessage
	err := ask(ctx, s.nc, "STREAM.MSG.GET."+Stream, map[string]any{"seq": reached}, &held)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return fmt.Errorf("%w: it holds no message %d any more", errBehind, reached)
	case err != nil:
		return fmt.Errorf("%w: %w", errUnanswered, err)
	case !held.Message.Time.Equal(storedAt):
		return fmt.Errorf("%w: its message %d was stored at %s, and not at %s", ErrReplaced, reached, held.Message.Time, storedAt)
	}
	return nil
}
