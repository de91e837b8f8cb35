package projections

import (
	"context"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A saver believes only in snapshots of its stream, and says so once.
func TestASaverIsNotContentWithJunk(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1)
	s.put("junk", 999_999, time.Now())
	s.put("junk", 999_998, time.Now())
	s.put("junk", 1, s.d.Stats().StoredAt)
	s.put("junk", 0, time.Now()) // which nobody can ask for
	saver := NewSaver(s.d, s.Store, eventstore.Snapshot{})
	for id := int64(2); id < 6; id++ {
		s.create(id)
		saver.Save(soon(t))
		saved, _ := saver.Saved()
		require.EqualValues(t, id, saved)
		restored, err := s.restoring()
		require.NoError(t, err)
		require.EqualValues(t, id, restored)
	}
	require.Equal(t, 3, s.warned("a snapshot is not one of this stream and is ignored"))
	all, err := s.Snapshots(soon(t))
	require.NoError(t, err)
	require.Len(t, all, 5, "two are kept, and the three that are nobody's")
}

// Of replicas that are due at the same time one saves, and the others are content with that.
func TestASaverIsContentWithASnapshotOfAnotherReplica(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1, 2)
	s.save()
	other := NewSaver(s.d, s.Store, eventstore.Snapshot{})
	other.Save(soon(t))
	saved, _ := other.Saved()
	require.EqualValues(t, 2, saved)
	all, err := s.Snapshots(soon(t))
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// What somebody has deleted is saved again, though nothing has changed.
func TestASaverReplacesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1)
	saver := s.save()
	require.NoError(t, s.js.DeleteObjectStore(soon(t), eventstore.SnapshotsBucket))
	saver.Save(soon(t))
	restored, err := s.restoring()
	require.NoError(t, err)
	require.EqualValues(t, 1, restored)
}

// Where the store does not answer nothing is saved, and nobody waits for long.
func TestASaverGivesUpOnAStoreThatIsSilent(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := newShelf(t, nc, 1)
	s.create(1)
	saver := NewSaver(s.d, s.Store, eventstore.Snapshot{})
	network.Hold("service")
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	saver.Save(ctx)
	require.Less(t, time.Since(begun), 5*time.Second)
	require.Equal(t, 1, s.warned("a snapshot could not be saved"))
	network.Heal()
	saver.Save(soon(t))
	saved, _ := saver.Saved()
	require.EqualValues(t, 1, saved)
}
