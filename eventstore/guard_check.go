package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// state returns the stream's information from its leader, after comparing it with the checkpoint. This is the ReadIndex:
// what was acknowledged before the call is at or below its last sequence.
//
// Errors: ErrReplaced for another stream; ErrIncomplete if messages are missing; errBehind if neither is certain;
// jsapi.ErrNoQuorum; or what keeps the leader from responding.
func (g *guard) state(ctx context.Context) (jsapi.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	for {
		reached, err := g.checkpoint()
		if err != nil {
			return jsapi.StreamInfo{}, err
		}
		info, err := g.api.StreamInfo(ctx, Stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			fault := g.suspect(deleted, false, fmt.Errorf("%w: the stream was deleted", ErrIncomplete))
			if !errors.Is(fault, errBehind) {
				err = fault
			}
		}
		if err != nil {
			return info, err
		}
		look, err := g.compare(info, reached)
		if look {
			err = g.checkMessage(ctx, reached)
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

// behindPause is between requests to a leader that is behind.
const behindPause = 10 * time.Millisecond

// checkMessage checks that the leader has the message of a checkpoint. The error is ErrReplaced if it has another one, or
// none, and errBehind if that is not certain.
func (g *guard) checkMessage(ctx context.Context, c checkpoint) error {
	if c.storedAt.IsZero() {
		return nil
	}
	message, err := g.api.Message(ctx, Stream, jsapi.Query{Sequence: c.sequence})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		info, err := g.api.StreamInfo(ctx, Stream)
		if err != nil || info.State.Last == c.sequence && info.State.LastTime.Equal(c.storedAt) { // it was purged
			return cmp.Or(err, g.checkComplete(info))
		}
		return g.suspect(lacksMessage, info.Cluster.Single(), replaced("message %d is gone, up to which it was read", c.sequence))
	}
	if err != nil {
		return err
	}
	g.clear(lacksMessage)
	if !message.Time.Equal(c.storedAt) {
		return g.fail(replaced("message %d was stored at %s, and the one that was read at %s", c.sequence, clock(message.Time), clock(c.storedAt)))
	}
	return nil
}
