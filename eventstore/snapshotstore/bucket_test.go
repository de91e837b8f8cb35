package snapshotstore_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestTheLastSnapshotsAreKept(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	var replicas []*shelf
	for i := range 3 {
		replicas = append(replicas, newShelf(t, cluster.Connect(t, i), 3))
	}
	require.Empty(t, replicas[0].list())
	long := strings.Repeat("0123456789abcdef", 40_000) // of several chunks
	for n := range uint64(4) {
		replicas[n%3].save(n+1, fmt.Sprint(n+1, long))
	}
	for _, s := range replicas {
		all := s.list()
		require.Equal(t, []uint64{4, 3}, s.sequences())
		for _, snapshot := range all {
			require.Equal(t, storedAt, snapshot.StoredAt)
			require.Equal(t, snapshotstore.Format, snapshot.Format)
			content, err := s.read(snapshot)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(snapshot.Sequence, long), content)
		}
	}
}

func TestOtherObjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	bucket, err := s.js.ObjectStore(deadline(t), snapshotstore.Name)
	require.NoError(t, err)
	_, err = bucket.PutString(deadline(t), "foreign", "hello")
	require.NoError(t, err)
	other := jetstream.ObjectMeta{Name: "other", Metadata: map[string]string{"sequence": "1", "stored-at": "2026-11-28T09:00:00Z", "form": "clients snapshot 0\n"}}
	_, err = bucket.Put(deadline(t), other, strings.NewReader("content"))
	require.NoError(t, err)
	for n := range uint64(4) {
		s.save(n+1, "content")
	}
	require.Equal(t, []uint64{4, 3, 1}, s.sequences())
	content, err := bucket.GetString(deadline(t), "foreign")
	require.NoError(t, err)
	require.Equal(t, "hello", content)
	for _, meta := range []string{"{", "{}", `{"name":"x","metadata":{"sequence":"-1"}}`} {
		_, err = s.js.PublishMsg(deadline(t), &nats.Msg{Subject: "$O.CLIENTS_SNAPSHOTS.M.eA==", Data: []byte(meta)})
		require.NoError(t, err)
		require.Len(t, s.list(), 3)
	}
}

func TestSnapshotsDoNotAccumulate(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	failure := errors.New("cut off")
	for n := range uint64(20) {
		s.save(n+1, strings.Repeat("x", 200_000))
		err := s.saveWith(deadline(t), mark(n+1), func(w io.Writer) error {
			_, _ = w.Write(make([]byte, 2*chunkSize))
			return failure
		})
		require.ErrorIs(t, err, failure)
	}
	require.LessOrEqual(t, uint64(len(s.chunks())), uint64(2*3))
	require.Equal(t, []uint64{20, 19}, s.sequences())

	_, err := s.js.Publish(deadline(t), "$O.CLIENTS_SNAPSHOTS.C.leftover", []byte("of a save that was killed"))
	require.NoError(t, err)
	require.NoError(t, s.RemoveLeftovers(deadline(t), time.Hour))
	require.Len(t, s.chunks(), 3, "it may be of a save under way")
	require.NoError(t, s.RemoveLeftovers(deadline(t), 0))
	require.Len(t, s.chunks(), 2)
	content, err := s.read(s.list()[0])
	require.NoError(t, err)
	require.Len(t, content, 200_000)
}

func TestEnsureRefusesOtherSettings(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	config := jetstream.ObjectStoreConfig{Bucket: snapshotstore.Name, Storage: jetstream.MemoryStorage, TTL: time.Minute, MaxBytes: 1000}
	_, err = js.CreateObjectStore(deadline(t), config)
	require.NoError(t, err)
	b := snapshotstore.New(nc, snapshotstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	var difference *eventstore.ConfigError
	require.ErrorAs(t, b.Ensure(deadline(t)), &difference)
	require.Equal(t, snapshotstore.Stream, difference.Stream)
	require.Equal(t, []string{"max_bytes: have 1000, need 0", "max_age: have 1m0s, need 0s", "storage: have Memory, need File"}, difference.Differences)

	require.NoError(t, js.DeleteObjectStore(deadline(t), snapshotstore.Name))
	_, err = js.CreateObjectStore(deadline(t), jetstream.ObjectStoreConfig{Bucket: snapshotstore.Name}) // the defaults do
	require.NoError(t, err)
	require.NoError(t, b.Ensure(deadline(t)))
}

func TestABucketThatWasDeletedIsCreatedAgain(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	s, other := newShelf(t, cluster.Connect(t, 0), 3), newShelf(t, cluster.Connect(t, 1), 3)
	s.save(1, "before")
	config := s.stream().CachedInfo().Config
	require.NoError(t, s.js.DeleteStream(deadline(t), snapshotstore.Stream))
	require.Empty(t, other.list())
	other.save(2, "after")
	content, err := s.read(s.list()[0])
	require.NoError(t, err)
	require.Equal(t, "after", content)
	require.Equal(t, config, s.stream().CachedInfo().Config)
}
