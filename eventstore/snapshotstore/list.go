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

// Listing is what there is in the bucket.
type Listing struct {
	Snapshots []Snapshot      // the highest sequence first, and of one sequence the last saved first
	nuids     map[string]bool // also of other objects
}

// List returns what there is in the bucket, by the metadata alone: Read finds out whether a snapshot is damaged. A bucket that
// does not exist is empty.
func (b *Bucket) List(ctx context.Context) (Listing, error) {
	l := Listing{nuids: make(map[string]bool)}
	info, err := b.api.StreamSubjects(ctx, Stream, metaSubject(">"))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l, nil
	}
	for subject := range info.State.Subjects {
		var m jsapi.Message
		m, err = b.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) { // removed by a replica
			err = nil
			continue
		}
		if err != nil {
			break
		}
		l.add(m)
	}
	if err != nil {
		return Listing{}, fmt.Errorf("list snapshots: %w", err)
	}
	slices.SortFunc(l.Snapshots, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), cmp.Compare(b.sequence, a.sequence))
	})
	return l, nil
}

// ListWithRetry returns what List does. It waits for a leader until ctx ends.
func (b *Bucket) ListWithRetry(ctx context.Context) (l Listing, err error) {
	err = jsapi.Retry(ctx, b.config.Log, func(ctx context.Context) (err error) {
		l, err = b.List(ctx)
		return err
	})
	return l, err
}

func (l *Listing) add(m jsapi.Message) {
	var object jetstream.ObjectInfo
	err := json.Unmarshal(m.Data, &object)
	if object.Deleted { // by ObjectStore.Delete, which leaves a marker
		return
	}
	l.nuids[object.NUID] = true
	s, invalid := snapshotOf(object)
	if err != nil || invalid != nil {
		return
	}
	s.subject, s.sequence, s.SavedAt = m.Subject, m.Sequence, m.Time.UTC()
	l.Snapshots = append(l.Snapshots, s)
}
