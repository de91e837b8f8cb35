package snapshotstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// List returns the snapshots, the highest sequence first, and of one sequence the last saved first. It goes by the metadata alone:
// Read finds out whether a snapshot is damaged. A bucket that does not exist is empty.
func (b *Bucket) List(ctx context.Context) ([]Snapshot, error) {
	all, err := b.objects(ctx)
	snapshots := slices.DeleteFunc(all, func(s Snapshot) bool { return s.Sequence == 0 })
	slices.SortFunc(snapshots, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), cmp.Compare(b.sequence, a.sequence))
	})
	return snapshots, err
}

// ListWithRetry returns what List does. It waits for a leader until ctx ends.
func (b *Bucket) ListWithRetry(ctx context.Context) (snapshots []Snapshot, err error) {
	err = jsapi.Retry(ctx, b.config.Log, func(ctx context.Context) (err error) {
		snapshots, err = b.List(ctx)
		return err
	})
	return snapshots, err
}

// objects returns all objects, also those that are no snapshots.
func (b *Bucket) objects(ctx context.Context) (objects []Snapshot, err error) {
	info, err := b.api.StreamSubjects(ctx, Stream, metaSubject(">"))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for subject := range info.State.Subjects {
		m, err := b.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) { // removed by a replica
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list snapshots: %w", err)
		}
		var object jetstream.ObjectInfo
		_ = json.Unmarshal(m.Data, &object) // without metadata it is no snapshot
		if !object.Deleted {                // by ObjectStore.Delete, which leaves a marker
			objects = append(objects, snapshotOf(object, m))
		}
	}
	return objects, nil
}
