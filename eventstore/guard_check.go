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
		reached, err := g.checkpoint() // first: a leader that is asked afterwards has it
		if err != nil {
			return jsapi.StreamInfo{}, err
		}
		info, err := g.api.StreamInfo(ctx, Stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if fault := g.failIfCertain(false, fmt.Errorf("%w: the stream was deleted", ErrIncomplete)); !errors.Is(fault, errBehind) {
				err = fault
			}
		}
		if err != nil {
			return info, err
		}
		err = g.checkStream(ctx, info, reached.Sequence)
		if err == nil && info.State.Last == reached.Sequence && !info.State.LastTime.Equal(reached.StoredAt) {
			err = g.checkMessage(ctx, reached)
		}
		if err == nil {
			g.endSuspicion()
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

// checkStream checks that the stream is the expected one, goes up to a sequence, and has lost nothing. Another creation time is
// that of another stream, except in the same Raft group: the server that has restored a stream has a later one than the
// others, until it is started again.
func (g *guard) checkStream(ctx context.Context, info jsapi.StreamInfo, upTo uint64) error {
	state, single := info.State, info.Cluster.Single()
	if !info.Created.Equal(g.created) && (g.group == "" || info.Cluster.RaftGroup != g.group) {
		return g.fail(replaced("it was made at %s, and that one at %s", clock(info.Created), clock(g.created)))
	}
	if state.Last < upTo {
		return g.failIfCertain(single, replaced("it ends at sequence %d, and was read up to %d", state.Last, upTo))
	}
	lost, err := g.lost(ctx, state)
	if lost > 0 {
		return g.failIfCertain(single, fmt.Errorf("%w: %d of %d are missing", ErrIncomplete, lost, state.Last))
	}
	return err
}

// maxListed is how many removed messages are listed at most. A list of a million takes the server half a second.
const maxListed = 200_000

// lost returns how many messages are missing that no Removal accounts for. If more are missing than were removed, their number
// shows it. Otherwise a lost message can hide behind a removed one that is still there: what is missing is listed, until a list
// shows that all of it was removed. A message that is lost later is noticed when everything that was removed is gone.
func (g *guard) lost(ctx context.Context, state jsapi.StreamState) (uint64, error) {
	missing := state.Last - min(state.Last, state.Messages)
	if missing > uint64(g.removals.Len()) {
		if err := g.removals.Read(ctx, g.api); err != nil {
			return 0, err
		}
	}
	removed := uint64(g.removals.Len())
	switch {
	case missing > removed:
		return missing - removed, nil
	case missing == 0, removed > maxListed, g.accounted.Load():
		return 0, nil
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
	g.accounted.Store(lost == 0)
	return lost, nil
}

// checkMessage checks that the leader has the message of a checkpoint, or removed it. The error is ErrReplaced if it has another one,
// or none, and errBehind if that is not certain. If only the message was purged, it is the error of checkStream.
func (g *guard) checkMessage(ctx context.Context, c Checkpoint) error {
	if c.StoredAt.IsZero() {
		return nil
	}
	at, err := g.storedAt(ctx, c.Sequence)
	switch {
	case err == nil && !at.Equal(c.StoredAt):
		return g.fail(replaced("message %d was stored at %s, and the one that was read at %s", c.Sequence, clock(at), clock(c.StoredAt)))
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return err
	}
	info, err := g.api.StreamInfo(ctx, Stream)
	switch {
	case err != nil:
		return err
	case info.State.Last == c.Sequence && info.State.LastTime.Equal(c.StoredAt): // it was purged
		return g.checkStream(ctx, info, c.Sequence)
	}
	return g.failIfCertain(info.Cluster.Single(), replaced("message %d is gone, up to which it was read", c.Sequence))
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
