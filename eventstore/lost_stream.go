package eventstore

import (
	"context"
	"errors"
	"fmt"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrStreamLost tells that there is no stream of events, although something tells that there was one. It is not made
// again: what is lost would go unnoticed, and ids would start over.
var ErrStreamLost = errors.New("there is no stream " + Stream + ", although there was one: restore it from a backup, or delete what is left of it to begin anew")

// ensureEvents creates the stream of events, or insists that the one that exists is what the service needs.
func (s *Store) ensureEvents(ctx context.Context) error {
	_, err := s.js.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = s.neverWas(ctx); errors.Is(err, ErrStreamLost) {
			return jsapi.Permanent(err)
		}
	}
	if err != nil {
		return err
	}
	return s.ensureStream(ctx, s.eventStream())
}

// neverWas answers ErrStreamLost where the stream is gone and has left something behind: a snapshot of it, or ids.
func (s *Store) neverWas(ctx context.Context) error {
	h := History{store: s}
	if err := errors.Join(h.listSnapshots(ctx), h.readCounter(ctx)); err != nil {
		return err
	}
	var left error
	switch {
	case len(h.Snapshots) > 0:
		left = fmt.Errorf("%w (a snapshot was taken at %d, stream %s)", ErrStreamLost, h.Snapshots[0].Sequence, snapshotStreamName)
	case h.Counter > 0:
		left = fmt.Errorf("%w (ids up to %d were handed out, stream %s)", ErrStreamLost, h.Counter, IDStream)
	default:
		return nil
	}
	if _, err := s.js.Stream(ctx, Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err // another replica has just made it, and used it
	}
	return left
}
