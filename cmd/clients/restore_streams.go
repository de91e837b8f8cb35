package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clients/eventstore"
	"clients/eventstore/idempotency"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// restoration is one restore under way.
type restoration struct {
	streams
	made     manifest
	folder   string
	replicas int
	nc       *nats.Conn
	manager  *jsm.Manager
	begun    []string // streams that it has made, or half made
}

// unfinishedSubject is the one of CLIENTS until all is restored. A service does not start on a stream with another
// subject than its own, and nobody else's message gets into it.
const unfinishedSubject = "a-restore-that-is-not-finished"

func (r *restoration) use(nc *nats.Conn) (err error) {
	r.nc = nc
	r.manager, err = newManager(nc)
	return err
}

// order has the counter of ids first and the events last: with ids and without events a service does not start.
func (r *restoration) order() []manifestStream {
	weight := map[string]int{eventstore.IDStream: -1, eventstore.Stream: 1}
	ordered := slices.Clone(r.made.Streams)
	slices.SortStableFunc(ordered, func(a, b manifestStream) int { return weight[a.Name] - weight[b.Name] })
	return ordered
}

// free makes sure that nothing is in the way.
func (r *restoration) free() error {
	var there []error
	for _, stream := range r.made.Streams {
		known, err := r.manager.IsKnownStream(stream.Name)
		if err != nil {
			return err
		}
		if known {
			there = append(there, fmt.Errorf("there is a stream %s already", stream.Name))
		}
	}
	return errors.Join(there...)
}

// run makes all streams, and in the end what a service may start on.
func (r *restoration) run(ctx context.Context) error {
	var events api.StreamConfig
	for _, stream := range r.order() {
		meta, err := readStreamMeta(filepath.Join(r.folder, stream.Name))
		if err != nil {
			return err
		}
		meta.Config.Replicas = r.replicas
		if stream.Name == eventstore.Stream {
			events = meta.Config
			meta.Config.Subjects = []string{unfinishedSubject}
		}
		if err := r.stream(ctx, stream, meta); err != nil {
			return fmt.Errorf("stream %s: %w", stream.Name, err)
		}
		fmt.Fprintf(r.out, "%s: up to sequence %d\n", stream.Name, stream.Last)
	}
	for _, name := range r.begun {
		if err := r.safe(ctx, name); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
	}
	if err := r.lateKeys(ctx); err != nil {
		return err
	}
	stream, err := r.manager.LoadStream(eventstore.Stream)
	if err == nil {
		err = stream.UpdateConfiguration(events)
	}
	return err
}

// stream makes one stream again, and looks that it ends where it did.
func (r *restoration) stream(ctx context.Context, stream manifestStream, meta streamMeta) error {
	archive, err := jsm.SnapshotDataPath(filepath.Join(r.folder, stream.Name))
	if err != nil {
		return err
	}
	data, err := openArchive(archive, r.err)
	if err != nil {
		return err
	}
	defer data.Close()
	state, err := r.send(ctx, meta, data)
	if !errors.Is(err, errNotBegun) { // else it may be somebody else's, which is not to be deleted
		r.begun = append(r.begun, stream.Name)
	}
	if err != nil {
		return err
	}
	if state.LastSeq != stream.Last {
		return fmt.Errorf("it ends at sequence %d, and not at %d", state.LastSeq, stream.Last)
	}
	if slices.Contains([]string{eventstore.Stream, eventstore.IDStream}, stream.Name) && state.Msgs != stream.Messages {
		return fmt.Errorf("it has %d messages, and not %d", state.Msgs, stream.Messages)
	}
	return nil
}

// safePause is between two looks whether a stream is on a majority of its servers.
const safePause = 100 * time.Millisecond

// safe waits until a majority of servers has a stream: it is restored on one, from which the others copy it.
func (r *restoration) safe(ctx context.Context, name string) error {
	for {
		stream, err := r.manager.LoadStream(name)
		if err != nil {
			return err
		}
		info, err := stream.Information()
		if err != nil || info.Cluster == nil {
			return err
		}
		have := 1
		for _, replica := range info.Cluster.Replicas {
			if replica.Current && !replica.Offline {
				have++
			}
		}
		if have > r.replicas/2 {
			return nil
		}
		select {
		case <-time.After(safePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lateKeys puts back what stood under keys by the moment of the copy of the events. A backup of an earlier release has
// none.
func (r *restoration) lateKeys(ctx context.Context) error {
	file, err := os.Open(filepath.Join(r.folder, keysStream, lateKeysFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	store, err := eventstore.Attach(r.nc)
	if err != nil {
		return err
	}
	put, left, err := idempotency.Restore(ctx, r.nc, store.Find, readLateKeys(file))
	if err == nil {
		fmt.Fprintf(r.out, "keys that came during the backup: %d are restored, %d are free, since their events are not in it\n", put, left)
	}
	return err
}

func readLateKeys(file io.Reader) iter.Seq2[idempotency.Entry, error] {
	return func(yield func(idempotency.Entry, error) bool) {
		for lines := json.NewDecoder(bufio.NewReader(file)); ; {
			var key idempotency.Entry
			err := lines.Decode(&key)
			if errors.Is(err, io.EOF) || !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// undo deletes the streams that were made, and tells which are left.
func (r *restoration) undo() error {
	var left []string
	for _, name := range r.begun {
		if err := r.manager.DeleteStream(name); err != nil && !jsm.IsNatsError(err, streamNotFound) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("what it has made is not complete and could not be deleted: delete the streams %s", strings.Join(left, ", "))
	}
	return nil
}

// streamNotFound is JetStream's code.
const streamNotFound = 10059
