package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"

	"github.com/google/uuid"
	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// restore is one restore under way.
type restore struct {
	*Backup
	Target
	nc       *nats.Conn
	manager  *jsm.Manager
	embedded bool                 // into a data directory
	begun    []string             // streams that it has created, perhaps in part
	created  map[string]time.Time // when it has created streams
	// guard is the stream because of which no service starts while streams are replaced: the counter of ids that was there before,
	// or the events under another subject. "" without Replace.
	guard string
}

// order puts the counter of ids first and the events after all others: a service does not start on ids without events. The
// counter that is there already is replaced last, by when it does not start because of the events.
func (r *restore) order() []manifestStream {
	weight := map[string]int{eventstore.IDStream: -1, eventstore.Stream: 1}
	if r.guard != "" {
		weight[eventstore.IDStream] = 2
	}
	ordered := slices.Clone(r.manifest.Streams)
	slices.SortStableFunc(ordered, func(a, b manifestStream) int { return weight[a.Name] - weight[b.Name] })
	return ordered
}

// makeRoom deletes the streams of the backup that exist, if the target allows it, the events first, and not the counter of ids. It
// returns an error if it does not, or if it is not known whether a stream exists.
func (r *restore) makeRoom(ctx context.Context) error {
	var existing []string
	for _, stream := range slices.Backward(r.order()) {
		err := r.request(ctx, fmt.Sprintf(api.JSApiStreamInfoT, stream.Name), nil, apiAttempt, apiTimeout, nil)
		if jsm.IsNatsError(err, streamNotFound) {
			continue
		}
		if err != nil {
			err = fmt.Errorf("stream %s: %w", stream.Name, err)
			return terminal.WithHint(err, "check that all NATS servers run and that the login is an administrator's")
		}
		existing = append(existing, stream.Name)
	}
	if len(existing) > 0 && !r.Replace {
		hint := "to delete them first use --replace"
		if slices.ContainsFunc(upstream.Streams(), func(s upstream.Stream) bool { return slices.Contains(existing, s.Name) }) {
			hint += ": those of other services as well"
		}
		return terminal.WithHint(fmt.Errorf("streams exist: %s", strings.Join(existing, ", ")), "%s", hint)
	}
	if len(existing) == 0 {
		return nil
	}
	if err := r.requireServers(ctx); err != nil {
		return terminal.WithHint(err, "nothing was deleted: run it again when all servers run")
	}
	for _, name := range existing {
		if name == eventstore.IDStream {
			r.guard = name
			continue
		}
		if err := r.delete(name); err != nil {
			return err
		}
	}
	return nil
}

// requireServers returns an error if the servers cannot take the streams: a stream that is created and deleted again finds out. One
// that was killed may have left it, with other replicas.
func (r *restore) requireServers(ctx context.Context) error {
	const name = "CLIENTS_RESTORE"
	config, err := json.Marshal(map[string]any{"name": name, "subjects": []string{"clients-restore"}, "storage": "file", "num_replicas": r.Replicas})
	if err != nil {
		return err
	}
	if err := r.manager.DeleteStream(name); err != nil && !jsm.IsNatsError(err, streamNotFound) {
		return fmt.Errorf("delete stream %s: %w", name, err)
	}
	if err = r.request(ctx, fmt.Sprintf(api.JSApiStreamCreateT, name), config, apiAttempt, apiTimeout, nil); err != nil {
		return fmt.Errorf("create a stream with %d replicas: %w", r.Replicas, err)
	}
	return errors.Join(r.await(ctx, name, len(r.Erasures) > 0), r.manager.DeleteStream(name))
}

func (r *restore) delete(name string) error {
	if err := r.manager.DeleteStream(name); err != nil {
		return fmt.Errorf("delete stream %s: %w", name, err)
	}
	fmt.Fprintf(r.Out, "%s: deleted\n", name)
	return nil
}

// run creates all streams, and finishes the restore.
func (r *restore) run(ctx context.Context) error {
	var events api.StreamConfig // that a service starts on
	for _, stream := range r.order() {
		meta, err := readStreamMeta(filepath.Join(r.folder, stream.Name))
		if err != nil {
			return err
		}
		meta.Config.Replicas = r.Replicas
		if stream.Name == eventstore.Stream {
			if meta.Config.Metadata == nil {
				meta.Config.Metadata = make(map[string]string)
			}
			meta.Config.Metadata[eventstore.EpochKey] = uuid.NewString() // subscribers that have seen more start over
			meta.Config.DenyDelete = false                               // which cannot be switched off later, and with which nothing can be erased
			events = meta.Config
			meta.Config.Subjects = []string{eventstore.RestoreSubject} // until everything is restored
		}
		if stream.Name == r.guard {
			r.guard = eventstore.Stream
			if err := r.delete(stream.Name); err != nil {
				return err
			}
		}
		if err := r.stream(ctx, stream, meta); err != nil {
			return fmt.Errorf("stream %s: %w", stream.Name, err)
		}
		if stream.Name == eventstore.IDStream && r.guard != "" {
			r.guard = stream.Name
		}
		fmt.Fprintf(r.Out, "%s: up to sequence %d\n", stream.Name, stream.Last)
	}
	for _, name := range r.begun {
		if err := r.await(ctx, name, false); err != nil {
			return err
		}
	}
	if err := r.putLateKeys(ctx); err != nil {
		return err
	}
	return r.finish(ctx, events)
}

// stream creates one stream, and verifies that it ends where it did.
func (r *restore) stream(ctx context.Context, stream manifestStream, meta streamMeta) error {
	path, err := jsm.SnapshotDataPath(filepath.Join(r.folder, stream.Name))
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	bar := terminal.NewProgress(r.Err, uint64(info.Size()), "bytes")
	defer bar.Clear()
	data := smallBlocks(io.TeeReader(file, bar))
	defer data.Close()
	state, created, err := r.send(ctx, meta, data)
	if !errors.Is(err, errNotBegun) { // otherwise it may have existed before
		r.begun = append(r.begun, stream.Name)
	}
	if err != nil {
		return err
	}
	r.created[stream.Name] = created
	if state.LastSeq != stream.Last {
		return fmt.Errorf("restored up to sequence %d, expected %d", state.LastSeq, stream.Last)
	}
	if stream.Name == eventstore.Stream && state.Msgs != stream.Messages {
		return fmt.Errorf("restored %d messages, expected %d", state.Msgs, stream.Messages)
	}
	return nil
}

// putLateKeys restores the keys stored until the copy of the events. A backup of an earlier release has none.
func (r *restore) putLateKeys(ctx context.Context) error {
	file, err := os.Open(filepath.Join(r.folder, idempotency.Stream, lateKeysFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	put, left, err := idempotency.Restore(ctx, r.nc, eventstore.Attach(r.nc).Find, file)
	if err == nil {
		fmt.Fprintf(r.Out, "late keys: %d restored, %d without an event in the backup\n", put, left)
	}
	return err
}

// undo deletes the streams that were created, but for the guard.
func (r *restore) undo() error {
	var left []string
	for _, name := range r.begun {
		if name == r.guard {
			continue
		}
		if err := r.manager.DeleteStream(name); err != nil && !jsm.IsNatsError(err, streamNotFound) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		err := fmt.Errorf("cannot delete incomplete streams: %s", strings.Join(left, ", "))
		return terminal.WithHint(err, "delete them, then run it again")
	}
	return nil
}

// streamNotFound is JetStream's error code.
const streamNotFound = 10059
