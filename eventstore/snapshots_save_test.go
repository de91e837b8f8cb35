package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Chunks that nobody was there to take, and that were sent again, are the chunks that were written.
func TestASnapshotThatIsSavedDuringAnElectionIsRight(t *testing.T) {
	t.Parallel()
	_, replicas := threeReplicas(t)
	s := replicas[0]
	record := grow(t, s, 1)[0]
	stepDown := func() {
		_, _ = s.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+snapshotStreamName, nil, time.Second)
	}
	for round := range 5 {
		content := ""
		require.NoError(t, s.SaveSnapshot(deadline(t), SnapshotMark{Sequence: record.Sequence, StoredAt: record.StoredAt}, func(w io.Writer) error {
			stepDown()
			for n := range 12 {
				if n == 6 {
					stepDown()
				}
				part := strings.Repeat(fmt.Sprintf("part %02d of snapshot %02d.", n, round), chunkSize/40)
				content += part
				if _, err := io.WriteString(w, part); err != nil {
					return err
				}
			}
			return nil
		}))
		var got string
		require.Eventually(t, func() bool {
			all, err := s.Snapshots(deadline(t))
			if err != nil {
				return false // as long as nobody leads
			}
			got, err = read(t, s, all[0])
			require.False(t, errors.Is(err, ErrSnapshotDamaged), "%v", err)
			return err == nil && len(all) <= keptSnapshots+1
		}, 20*time.Second, 20*time.Millisecond)
		require.True(t, got == content, "round %d: it is another content", round)
	}
}

// What cannot be read back as it was written never becomes a snapshot, and the one before stays.
func TestWhatIsNotStoredAsItWasWrittenIsNoSnapshot(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(t *testing.T, s *Store, subject string){
		"a chunk is gone": func(t *testing.T, s *Store, subject string) {
			require.NoError(t, s.purgeSnapshots(deadline(t), subject))
		},
		"a chunk of somebody else is in between": func(t *testing.T, s *Store, subject string) {
			_, err := s.js.Publish(deadline(t), subject, []byte("else"))
			require.NoError(t, err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := singleNode(t)
			records := grow(t, s, 1, 2)
			save(t, s, records[0], "before")
			err := s.SaveSnapshot(deadline(t), SnapshotMark{Sequence: 2, StoredAt: records[1].StoredAt}, func(w io.Writer) error {
				_, err := w.Write(make([]byte, chunkSize+1))
				require.NoError(t, err)
				for subject := range chunkSubjects(t, s) {
					if subject != chunksOf(snapshots(t, s)[0].nuid) {
						spoil(t, s, subject)
					}
				}
				return nil
			})
			require.ErrorIs(t, err, ErrSnapshotDamaged)
			all := snapshots(t, s)
			require.Len(t, all, 1)
			content, err := read(t, s, all[0])
			require.NoError(t, err)
			require.Equal(t, "before", content)
			require.Len(t, chunkSubjects(t, s), 1, "nothing of it is left")
		})
	}
}

func chunkSubjects(t testing.TB, s *Store) map[string]uint64 {
	t.Helper()
	info, err := s.api.StreamSubjects(deadline(t), snapshotStreamName, chunksOf("*"))
	require.NoError(t, err)
	return info.State.Subjects
}

// The tools for object stores see snapshots as they see other objects.
func TestASnapshotIsAnObjectOfItsBucket(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1)
	content := strings.Repeat("0123456789", chunkSize/4)
	save(t, s, records[0], content)
	save(t, s, records[0], "")
	bucket, err := s.js.ObjectStore(deadline(t), SnapshotsBucket)
	require.NoError(t, err)
	objects, err := bucket.List(deadline(t))
	require.NoError(t, err)
	require.Len(t, objects, 2)
	for _, object := range objects {
		got, err := bucket.GetString(deadline(t), object.Name)
		require.NoError(t, err)
		require.EqualValues(t, len(got), object.Size)
		if object.Size > 0 {
			require.True(t, got == content)
			require.EqualValues(t, 3, object.Chunks)
		}
		require.NoError(t, bucket.Delete(deadline(t), object.Name))
	}
	there, err := s.inventory(deadline(t))
	require.NoError(t, err)
	require.Empty(t, there.snapshots, "markers of what was deleted are none")
	require.Empty(t, there.strangers)
}

func TestABucketOfSnapshotsThatIsDeletedIsMadeAgain(t *testing.T) {
	t.Parallel()
	_, replicas := threeReplicas(t)
	s := replicas[0]
	records := grow(t, s, 1, 2)
	save(t, s, records[0], "before")
	stream, err := s.js.Stream(deadline(t), snapshotStreamName)
	require.NoError(t, err)
	require.NoError(t, s.js.DeleteStream(deadline(t), snapshotStreamName))
	require.Empty(t, snapshots(t, replicas[1]), "what is gone holds nothing")
	save(t, replicas[1], records[1], "after")
	content, err := read(t, s, snapshots(t, s)[0])
	require.NoError(t, err)
	require.Equal(t, "after", content)
	again, err := s.js.Stream(deadline(t), snapshotStreamName)
	require.NoError(t, err)
	require.Equal(t, stream.CachedInfo().Config, again.CachedInfo().Config)
}

// A server that has fallen silent holds nobody up for longer than he wants to wait.
func TestSavingASnapshotDoesNotOutlastItsContext(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := openStore(t, nc, 1)
	t.Cleanup(network.Heal)
	for _, silentAt := range []int{0, 1} { // before anything is sent, and in the middle
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if silentAt == 0 {
			network.Hold("service")
		}
		begun := time.Now()
		err := s.SaveSnapshot(ctx, SnapshotMark{Sequence: 1, StoredAt: time.Now()}, func(w io.Writer) error {
			_, err := w.Write(make([]byte, chunkSize))
			network.Hold("service")
			return errors.Join(err, func() error { _, err := w.Write(make([]byte, chunkSize)); return err }())
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(begun), 2*time.Second)
		cancel()
		network.Heal()
	}
}

// A leader that has not got all of a snapshot yet does not make it a damaged one.
func TestChunksThatALeaderHasNotGotYetAreNoDamage(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	save(t, s, grow(t, s, 1)[0], "whole")
	snapshot := snapshots(t, s)[0]
	require.NoError(t, s.purgeSnapshots(deadline(t), chunksOf(snapshot.nuid)))
	_, err := read(t, s, snapshot)
	require.ErrorIs(t, err, ErrSnapshotDamaged)
	snapshot.last += 10
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = s.ReadSnapshot(ctx, snapshot, func(r io.Reader) error { _, err := io.ReadAll(r); return err })
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrSnapshotDamaged)
}

// putAsFormerly saves a snapshot as a former release did: by the object store's own means, and without saying as much.
func putAsFormerly(t testing.TB, s *Store, sequence uint64, storedAt time.Time, content string) jetstream.ObjectInfo {
	t.Helper()
	bucket, err := s.js.ObjectStore(deadline(t), SnapshotsBucket)
	require.NoError(t, err)
	object, err := bucket.Put(deadline(t), jetstream.ObjectMeta{
		Name:     fmt.Sprintf("%020d-%d", sequence, time.Now().UnixNano()),
		Metadata: map[string]string{"sequence": fmt.Sprint(sequence), "stored-at": clock(storedAt)},
	}, strings.NewReader(content))
	require.NoError(t, err)
	return *object
}

// damage makes an object another one than was saved.
func damage(t testing.TB, s *Store, object jetstream.ObjectInfo) {
	t.Helper()
	object.Digest = "SHA-256=" + strings.Repeat("A", 43) + "="
	meta, err := json.Marshal(object)
	require.NoError(t, err)
	subject := metaOf(encoded(object.Name))
	_, err = s.js.PublishMsg(deadline(t), &nats.Msg{Subject: subject, Data: meta, Header: nats.Header{"Nats-Rollup": {"sub"}}})
	require.NoError(t, err)
}
