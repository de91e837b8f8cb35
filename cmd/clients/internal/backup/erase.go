package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/erasure"
	"clients/projections/ingest"
	"clients/projections/readmodel"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// finish erases what there is to erase, and gives the stream of events its subjects.
func (r *restore) finish(ctx context.Context, events api.StreamConfig) error {
	stream, err := r.loadOwn(events)
	if err == nil && len(r.Erasures) > 0 {
		if err = r.erase(ctx, stream, events); err == nil {
			stream, err = r.loadOwn(events)
		}
	}
	if err == nil {
		err = stream.UpdateConfiguration(events)
	}
	if err != nil {
		return err
	}
	for _, c := range unfinished(ctx, r.nc) {
		fmt.Fprintf(r.Out, "note: the erasure of %s is not complete: run clients erase %d --account %s\n", c, c.ID, c.Account)
	}
	return nil
}

// loadOwn returns the stream of events, or an error if another restore has replaced it, or has deleted one of the others.
func (r *restore) loadOwn(events api.StreamConfig) (*jsm.Stream, error) {
	stream, err := r.manager.LoadStream(eventstore.Stream)
	if err == nil && stream.Metadata()[eventstore.EpochKey] != events.Metadata[eventstore.EpochKey] {
		r.guard, r.begun = "", nil // they are the other one's
		err = terminal.WithHint(errors.New("another restore has replaced the streams"), "check with clients verify what they contain now")
	}
	for name, created := range r.created {
		if err != nil || name == eventstore.SnapshotsStream { // an erasure makes it again, and so does the service
			continue
		}
		info, failed := information(r.manager, name)
		if jsm.IsNatsError(failed, streamNotFound) || failed == nil && !info.Created.Equal(created) {
			failed = terminal.WithHint(fmt.Errorf("another restore has deleted the stream %s", name), "run it again with --replace when no other one runs")
		}
		err = failed
	}
	return stream, err
}

func (r *restore) erase(ctx context.Context, stream *jsm.Stream, events api.StreamConfig) error {
	locked := events
	locked.Subjects = append(slices.Clone(events.Subjects), eventstore.RestoreSubject)
	if err := stream.UpdateConfiguration(locked); err != nil {
		return err
	}
	progress := terminal.ProgressLines(r.Err)
	for _, stream := range r.manifest.Streams {
		progress("waiting until all servers have " + stream.Name)
		if err := r.await(ctx, stream.Name, true); err != nil {
			return err
		}
	}
	e := erasure.New(r.nc, erasure.Config{
		Embedded: r.embedded, LogWait: r.LogWait, Progress: progress,
		NewFold: func() erasure.Fold { return readmodel.NewModel().Fold }, ClientOf: ingest.ClientOf,
	})
	if err := e.EraseAnyway(ctx, r.Erasures...); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	fmt.Fprintln(r.Out, "erased: all clients of the list")
	return nil
}

// unfinished returns the clients whose erasure has begun and is not complete, as far as the stream can be read.
func unfinished(ctx context.Context, nc *nats.Conn) []erasure.Client {
	clients, _ := erasure.New(nc, erasure.Config{}).Unfinished(ctx)
	return clients
}

// await waits until a majority of the servers has a stream, or all of them: it is restored on one, from which the others copy it.
// It waits peersTimeout at most for servers that are off.
func (r *restore) await(ctx context.Context, name string, all bool) error {
	for complete := time.Now(); ; { // when enough servers were there the last time
		info, err := information(r.manager, name)
		if err != nil || info.Cluster == nil {
			return err
		}
		current, off := 1, []string{}
		for _, replica := range info.Cluster.Replicas {
			switch {
			case replica.Offline:
				off = append(off, replica.Name)
			case replica.Current:
				current++
			}
		}
		servers := len(info.Cluster.Replicas) + 1
		enough := servers/2 + 1
		if all {
			enough = servers
		}
		switch {
		case current >= enough:
			return nil
		case servers-len(off) >= enough:
			complete = time.Now()
		case time.Since(complete) > peersTimeout:
			return fmt.Errorf("stream %s: servers do not respond: %s", name, strings.Join(off, ", "))
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}
