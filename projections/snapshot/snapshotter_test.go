package snapshot_test

import (
	"context"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestASnapshotterIgnoresOtherObjects(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1)
	s.put("junk", 999_999, time.Now())
	s.put("junk", 999_998, time.Now())
	s.put("junk", 1, s.d.Stats().StoredAt)
	s.put("junk", 0, time.Now()) // no message has that sequence
	snapshotter := s.snapshotter()
	for id := int64(2); id < 6; id++ {
		s.create(id)
		snapshotter.Save(soon(t))
		saved, _ := snapshotter.Last()
		require.EqualValues(t, id, saved)
		restored, err := s.restoring()
		require.NoError(t, err)
		require.EqualValues(t, id, restored)
	}
	all, err := s.bucket.List(soon(t))
	require.NoError(t, err)
	require.Len(t, all, 5, "two are kept, and the three that no release has written")
}

func TestASnapshotOfAnotherReplicaIsEnough(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1, 2)
	s.save()
	other := s.snapshotter()
	other.Save(soon(t))
	saved, _ := other.Last()
	require.EqualValues(t, 2, saved)
	all, err := s.bucket.List(soon(t))
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// Deleted snapshots are replaced although there are no new events.
func TestASnapshotterReplacesDeletedSnapshots(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1)
	snapshotter := s.save()
	require.NoError(t, s.js.DeleteObjectStore(soon(t), eventstore.SnapshotsBucket))
	snapshotter.Save(soon(t))
	restored, err := s.restoring()
	require.NoError(t, err)
	require.EqualValues(t, 1, restored)
}

func TestASnapshotterGivesUpOnAStoreThatDoesNotRespond(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := newShelf(t, nc, 1)
	s.create(1)
	snapshotter := s.snapshotter()
	_, before := snapshotter.Last()
	network.Hold("service")
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	snapshotter.Save(ctx)
	require.Less(t, time.Since(begun), 15*time.Second)
	require.Equal(t, 1, s.warned("snapshot not saved"))
	_, at := snapshotter.Last()
	require.Equal(t, before, at, "what was not saved is not the last snapshot")
	network.Heal()
	snapshotter.Save(soon(t))
	saved, at := snapshotter.Last()
	require.EqualValues(t, 1, saved)
	require.True(t, at.After(before))
}
