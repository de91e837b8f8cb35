package eventstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// save stores content as a snapshot that was taken at a record.
func save(t testing.TB, s *Store, at Record, content string) {
	t.Helper()
	saveAs(t, s, at, "", content)
}

// saveAs also says of which form it is.
func saveAs(t testing.TB, s *Store, at Record, form, content string) {
	t.Helper()
	require.NoError(t, s.SaveSnapshot(deadline(t), SnapshotMark{Sequence: at.Sequence, StoredAt: at.StoredAt, Form: form}, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}))
}

func read(t testing.TB, s *Store, snapshot Snapshot) (string, error) {
	t.Helper()
	var content bytes.Buffer
	err := s.ReadSnapshot(deadline(t), snapshot, func(r io.Reader) error {
		_, err := io.Copy(&content, r)
		return err
	})
	return content.String(), err
}

// grow appends clients and answers what is stored then.
func grow(t testing.TB, s *Store, ids ...int64) []Record {
	t.Helper()
	for _, id := range ids {
		_, err := s.Append(deadline(t), created(id), 0)
		require.NoError(t, err)
	}
	return stored(t, s)
}

func snapshots(t testing.TB, s *Store) []Snapshot {
	t.Helper()
	all, err := s.Snapshots(deadline(t))
	require.NoError(t, err)
	return all
}

func TestTheNewestSnapshotsAreKept(t *testing.T) {
	t.Parallel()
	_, replicas := threeReplicas(t)
	require.Empty(t, snapshots(t, replicas[0]))
	records := grow(t, replicas[0], 1, 2, 3, 4)
	long := strings.Repeat("0123456789abcdef", 40_000) // of several chunks
	for i, r := range records {
		save(t, replicas[i%3], r, fmt.Sprintf("%d%s", r.Sequence, long))
	}
	for _, s := range replicas {
		all := snapshots(t, s)
		require.Len(t, all, keptSnapshots)
		for i, snapshot := range all {
			require.Equal(t, uint64(4-i), snapshot.Sequence)
			require.NoError(t, s.CheckSnapshot(deadline(t), snapshot))
			content, err := read(t, s, snapshot)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%d%s", snapshot.Sequence, long), content)
		}
	}
}

func TestReplicasThatSaveAtOnceDoNotSpoilEachOthers(t *testing.T) {
	t.Parallel()
	_, replicas := threeReplicas(t)
	records := grow(t, replicas[0], 1)
	var all sync.WaitGroup
	for i, s := range replicas {
		all.Go(func() {
			for range 5 {
				save(t, s, records[0], strings.Repeat(fmt.Sprint(i), 300_000))
			}
		})
	}
	all.Wait()
	kept := snapshots(t, replicas[0])
	require.NotEmpty(t, kept)
	for _, snapshot := range kept {
		content, err := read(t, replicas[1], snapshot)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(content[:1], 300_000), content)
	}
}

// What is forgotten leaves nothing behind, and what was begun and never finished is forgotten in time.
func TestSnapshotsDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1)
	failure := errors.New("cut off")
	for range 20 {
		save(t, s, records[0], strings.Repeat("x", 200_000))
		err := s.SaveSnapshot(deadline(t), SnapshotMark{Sequence: 1, StoredAt: time.Now()}, func(io.Writer) error { return failure })
		require.ErrorIs(t, err, failure)
	}
	stream, err := s.js.Stream(deadline(t), snapshotStreamName)
	require.NoError(t, err)
	require.LessOrEqual(t, stream.CachedInfo().State.Msgs, uint64(3*keptSnapshots))

	_, err = s.js.Publish(deadline(t), chunksOf("orphan"), []byte("of a save that was killed"))
	require.NoError(t, err)
	require.NoError(t, s.forgetOrphans(deadline(t), time.Hour))
	_, err = stream.GetLastMsgForSubject(deadline(t), chunksOf("orphan"))
	require.NoError(t, err, "it may be under way")
	require.NoError(t, s.forgetOrphans(deadline(t), 0))
	_, err = stream.GetLastMsgForSubject(deadline(t), chunksOf("orphan"))
	require.ErrorIs(t, err, jetstream.ErrMsgNotFound)
	content, err := read(t, s, snapshots(t, s)[0])
	require.NoError(t, err)
	require.Len(t, content, 200_000)
}

func TestADamagedSnapshotIsTold(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1)
	save(t, s, records[0], "whole")
	snapshot := snapshots(t, s)[0]
	stream, err := s.js.Stream(deadline(t), snapshotStreamName)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(deadline(t), jetstream.WithPurgeSubject(chunksOf(snapshot.nuid))))
	_, err = read(t, s, snapshot)
	require.ErrorIs(t, err, ErrSnapshotDamaged)
	_, err = s.js.Publish(deadline(t), chunksOf(snapshot.nuid), []byte("other"))
	require.NoError(t, err)
	_, err = read(t, s, snapshot)
	require.ErrorIs(t, err, ErrSnapshotDamaged)

	for _, meta := range []string{"{", "{}", `{"name":"x","metadata":{"sequence":"-1"}}`} {
		_, err = s.js.PublishMsg(deadline(t), &nats.Msg{Subject: metaOf("eA=="), Data: []byte(meta)})
		require.NoError(t, err)
		require.Len(t, snapshots(t, s), 1, "what is no snapshot is left alone")
	}
}

func TestASnapshotBelongsToItsStream(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1, 2)
	save(t, s, records[1], "at 2")
	snapshot := snapshots(t, s)[0]
	require.NoError(t, s.CheckSnapshot(deadline(t), snapshot))
	other := snapshot
	other.StoredAt = other.StoredAt.Add(time.Nanosecond)
	require.ErrorIs(t, s.CheckSnapshot(deadline(t), other), ErrForeignSnapshot)
	other = snapshot
	other.Sequence = 3
	require.ErrorIs(t, s.CheckSnapshot(deadline(t), other), ErrWentBackwards)

	require.NoError(t, s.js.DeleteStream(deadline(t), Stream))
	_, err := s.js.CreateStream(deadline(t), eventStream(s.config.Replicas))
	require.NoError(t, err)
	s = openStore(t, s.nc, 1)
	require.ErrorIs(t, s.CheckSnapshot(deadline(t), snapshot), ErrWentBackwards, "a stream that is made again has lost everything")
	grow(t, s, 1, 2)
	require.ErrorIs(t, s.CheckSnapshot(deadline(t), snapshot), ErrForeignSnapshot)
}
