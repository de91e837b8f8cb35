package erasure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/snapshotstore"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// complete does what the intents of clients say, and records that it is done.
func (e *Eraser) complete(ctx context.Context, clients []Client) error {
	begun, err := e.unfinished(ctx, clients...)
	if err != nil || len(begun) == 0 {
		return err
	}
	replicated := false
	if err = e.overwriteAll(ctx, begun, clients); err == nil && e.LogWait > 0 {
		replicated, err = e.fillLogs(ctx, begun)
	}
	behind, failed := e.awaitCurrent(ctx, begun, currentLimit) // also after an error: no later call finds it out
	if failed == nil {
		failed = e.noteAway(ctx, begun, behind)
	}
	if err = cmp.Or(failed, err); err == nil && replicated {
		err = e.awaitLogs(ctx)
	}
	if err != nil {
		return err
	}
	ids, err := e.servers(ctx)
	if err != nil {
		return err
	}
	if err := e.checkRestarted(begun, ids); err != nil {
		return err
	}
	if err := e.checkSnapshots(ctx, begun); err != nil {
		return err
	}
	now, err := e.unfinished(ctx, clients...)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(now, begun, func(a, b eventstore.Record) bool { return a.Sequence == b.Sequence }) {
		return e.complete(ctx, clients) // another call has changed them
	}
	for _, r := range begun {
		done := *r.Removal
		done.Messages, done.Done = nil, true
		if err := eventstore.AppendRemoval(ctx, e.nc, done); err != nil {
			return err
		}
	}
	return nil
}

// overwriteAll overwrites what there is of clients, as long as no server is away.
func (e *Eraser) overwriteAll(ctx context.Context, begun []eventstore.Record, clients []Client) error {
	if err := e.renewSnapshots(ctx); err != nil {
		return err
	}
	for _, r := range begun {
		for i, m := range slices.Backward(r.Removal.Messages) {
			e.Progress(fmt.Sprintf("overwriting %s: %s left", Client{r.Removal.Account, r.Removal.ClientID}, domain.Counted(i+1, "message")))
			err := e.overwrite(ctx, eventstore.Stream, m.Sequence)
			if err == nil {
				err = e.watch(ctx, begun)
			}
			if err != nil {
				return err
			}
		}
	}
	letters, err := e.lettersOf(ctx, clients...)
	if err != nil {
		return err
	}
	for _, letter := range letters {
		err := e.overwriteLetter(ctx, letter)
		if err == nil {
			err = e.watch(ctx, begun)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renewLimit is how long servers may take to make a stream again.
const renewLimit = 30 * time.Second

// renewSnapshots deletes the bucket of the snapshots and makes it again, one call after the other.
func (e *Eraser) renewSnapshots(ctx context.Context) error {
	info, err := e.stream(ctx, eventstore.Stream)
	if err != nil {
		return err
	}
	unlock, err := e.lockSnapshots(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	bucket := snapshotstore.New(e.nc, snapshotstore.Config{Replicas: info.Config.Replicas, Log: slog.New(slog.DiscardHandler)})
	if err := bucket.Delete(ctx); err != nil {
		return err
	}
	return bucket.Ensure(ctx)
}

// lockSnapshots waits until no other call renews the snapshots: a nats-server (2.15.3) that deletes a stream twice at once loses
// the stream that is made in between, and goes on storing in it. The lock is a consumer that reads nothing, which can be
// created once. That of a call that was killed ends by itself, and at once when a server without others is started again.
func (c *cluster) lockSnapshots(ctx context.Context) (unlock func(), err error) {
	const lock = "clients-erasure"
	config := jetstream.ConsumerConfig{
		Durable: lock, Metadata: map[string]string{"holder": uuid.NewString()}, InactiveThreshold: renewLimit,
		DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true,
	}
	limited, cancel := context.WithTimeout(ctx, 2*renewLimit)
	defer cancel()
	waiting := sync.OnceFunc(func() { c.Progress("waiting until another erasure ends, or for 30 s if it was killed") })
	for {
		// Even if ctx ends: the lock may be created then, and has to be removed.
		once, end := context.WithTimeout(context.WithoutCancel(ctx), jsapi.RequestTimeout)
		_, err := c.api.JetStream.CreateConsumer(once, eventstore.Stream, config)
		end()
		if err == nil {
			return func() { _ = c.api.JetStream.DeleteConsumer(context.WithoutCancel(ctx), eventstore.Stream, lock) }, nil
		}
		if errors.Is(err, jetstream.ErrConsumerExists) {
			waiting()
		}
		if jsapi.Pause(limited); limited.Err() != nil {
			return nil, fmt.Errorf("wait for another erasure: %w", err)
		}
	}
}

// overwriteLimit is how long a message is tried to be overwritten.
const overwriteLimit = 15 * time.Second

// overwrite overwrites a message in the files of a stream, and deletes it. One that is not there any more is no error.
func (c *cluster) overwrite(ctx context.Context, stream string, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, overwriteLimit)
	defer cancel()
	for {
		err := c.api.Do(ctx, "STREAM.MSG.DELETE."+stream, map[string]any{"seq": sequence})
		if err == nil {
			return nil
		}
		_, gone := c.api.Message(ctx, stream, jsapi.Query{Sequence: sequence})
		if errors.Is(gone, jetstream.ErrMsgNotFound) {
			return nil
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return fmt.Errorf("overwrite message %d of %s: %w", sequence, stream, err)
		}
	}
}

// checkSnapshots returns an error if there is a snapshot from before an erasure, as a replica of an earlier release may save it.
func (e *Eraser) checkSnapshots(ctx context.Context, begun []eventstore.Record) error {
	snapshots, err := e.snapshots.List(ctx)
	if err != nil {
		return err
	}
	for _, r := range begun {
		for _, s := range snapshots {
			if s.Sequence < r.Sequence {
				return fmt.Errorf("a snapshot of sequence %d was saved meanwhile: update all replicas of the service, and run this again", s.Sequence)
			}
		}
	}
	return nil
}
