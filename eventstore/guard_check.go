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
			if fault := g.contradicted(false, fmt.Errorf("%w: the stream was deleted", ErrIncomplete)); !errors.Is(fault, errBehind) {
				err = fault
			}
		}
		if err != nil {
			return info, err
		}
		if err = g.compare(ctx, info, reached); err == nil {
			g.confirmed()
			g.setEpoch(info.Config.Metadata.Epoch)
		}
		if !errors.Is(err, errBehind) {
			return info, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return info, err
		}
	}
}

// setEpoch sets the epoch that the metadata of the stream names.
func (g *guard) setEpoch(named string) {
	epoch := EpochOf(named, g.created)
	g.epoch.Store(&epoch)
}

// compare compares what the leader says with the checkpoint, which was taken before the request to the leader. Another creation
// time is that of another stream, except in the same Raft group: the server that has restored a stream has a later one than
// the others, until it is started again.
func (g *guard) compare(ctx context.Context, info jsapi.StreamInfo, reached Checkpoint) error {
	state, single := info.State, info.Cluster.Single()
	if !info.Created.Equal(g.created) && (g.group == "" || info.Cluster.RaftGroup != g.group) {
		return g.fail(replaced("it was made at %s, and that one at %s", clock(info.Created), clock(g.created)))
	}
	if state.Last < reached.Sequence {
		return g.contradicted(single, replaced("it ends at sequence %d, and was read up to %d", state.Last, reached.Sequence))
	}
	if lost, err := g.lost(ctx, state); err != nil {
		return err
	} else if lost > 0 {
		return g.contradicted(single, fmt.Errorf("%w: %d of %d are missing", ErrIncomplete, lost, state.Last))
	}
	if state.Last == reached.Sequence && !state.LastTime.Equal(reached.StoredAt) {
		return g.checkMessage(ctx, reached)
	}
	return nil
}

// maxListed is how many removed messages are listed at most. A list of a million takes the server half a second.
const maxListed = 200_000

// lost returns how many messages are missing that no Removal accounts for. What is missing is listed until that was complete
// once: while messages are still there that were removed, as many others can be missing, and their number does not show it.
// Later they are noticed when all that was removed is gone.
func (g *guard) lost(ctx context.Context, state jsapi.StreamState) (uint64, error) {
	missing := state.Last - min(state.Last, state.Messages)
	if missing > uint64(g.removals.Len()) {
		if err := g.removals.Read(ctx, g.api); err != nil {
			return 0, err
		}
	}
	removed := uint64(g.removals.Len())
	if missing == 0 || missing > removed || removed > maxListed || g.complete.Load() {
		return missing - min(missing, removed), nil
	}
	var info struct {
		State struct {
			First   uint64   `json:"first_seq"`
			Deleted []uint64 `json:"deleted"`
		} `json:"state"`
	}
	err := g.api.Request(ctx, "STREAM.INFO."+Stream, map[string]any{"deleted_details": true}, &info)
	if err == nil {
		err = g.removals.Read(ctx, g.api) // a Removal is stored before its messages are deleted
	}
	if err != nil {
		return 0, err
	}
	lost := g.removals.lacking(info.State.First, info.State.Deleted)
	g.complete.Store(lost == 0)
	return lost, nil
}

// checkMessage checks that the leader has the message of a checkpoint, or removed it. The error is ErrReplaced if it has another one,
// or none, and errBehind if that is not certain.
func (g *guard) checkMessage(ctx context.Context, c Checkpoint) error {
	if c.StoredAt.IsZero() {
		return nil
	}
	at, err := g.storedAt(ctx, c.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		info, err := g.api.StreamInfo(ctx, Stream)
		if err == nil && info.State.Last == c.Sequence && info.State.LastTime.Equal(c.StoredAt) { // it was purged
			return g.compare(ctx, info, c)
		}
		if err == nil {
			err = g.contradicted(info.Cluster.Single(), replaced("message %d is gone, up to which it was read", c.Sequence))
		}
		return err
	}
	if err == nil && !at.Equal(c.StoredAt) {
		err = g.fail(replaced("message %d was stored at %s, and the one that was read at %s", c.Sequence, clock(at), clock(c.StoredAt)))
	}
	return err
}

// storedAt returns when a message was stored, also if it was removed since. If there is none the error is
// jetstream.ErrMsgNotFound.
func (g *guard) storedAt(ctx context.Context, sequence uint64) (time.Time, error) {
	message, err := g.api.Message(ctx, Stream, jsapi.Query{Sequence: sequence})
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return message.Time, err
	}
	removed, found, failed := g.removals.Find(ctx, g.api, sequence)
	if found {
		return removed.StoredAt, nil
	}
	return time.Time{}, cmp.Or(failed, err)
}
