package snapshot_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
	"clients/projections/snapshot"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// shelf is a store with a directory that follows it, and the log.
type shelf struct {
	*eventstore.Store
	t      testing.TB
	nc     *nats.Conn
	js     jetstream.JetStream
	d      *readmodel.Directory
	bucket *snapshotstore.Bucket
	logged *lockedBuffer
	log    *slog.Logger
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func newShelf(t testing.TB, nc *nats.Conn, replicas int) *shelf {
	t.Helper()
	s := &shelf{t: t, nc: nc, logged: &lockedBuffer{}}
	s.log = slog.New(slog.NewTextHandler(s.logged, nil))
	var err error
	s.js, err = jetstream.New(nc)
	require.NoError(t, err)
	s.Store, err = eventstore.Open(soon(t), nc, eventstore.Config{Replicas: replicas, Log: s.log})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.bucket = snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: s.log})
	require.NoError(t, s.bucket.Ensure(soon(t)))
	s.d = readmodel.NewDirectory(s.Store, s.log)
	following, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.d.Follow(following) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// create appends clients, and waits until the directory shows them.
func (s *shelf) create(ids ...int64) {
	s.t.Helper()
	for _, id := range ids {
		_, err := s.Append(soon(s.t), domain.Envelope{
			EventID: fmt.Sprint(id), Account: "a", Version: 1, Time: time.Now(),
			Event: domain.ClientCreated{ID: id, Name: "SuprCorp", Currency: "Euro - EUR", Active: true},
		}, 0)
		require.NoError(s.t, err)
	}
	require.NoError(s.t, s.d.Refresh(soon(s.t)))
}

// save saves a snapshot of the directory as it is.
func (s *shelf) save() *snapshot.Snapshotter {
	s.t.Helper()
	snapshotter := s.snapshotter()
	snapshotter.Save(soon(s.t))
	saved, _ := snapshotter.Last()
	require.Equal(s.t, s.d.Sequence(), saved, s.logged)
	return snapshotter
}

func (s *shelf) snapshotter() *snapshot.Snapshotter {
	return snapshot.NewSnapshotter(s.d, s.bucket, snapshotstore.Snapshot{}, s.log)
}

// put stores an object with the metadata of a snapshot.
func (s *shelf) put(content string, sequence uint64, storedAt time.Time) {
	s.t.Helper()
	bucket, err := s.js.ObjectStore(soon(s.t), eventstore.SnapshotsBucket)
	require.NoError(s.t, err)
	meta := jetstream.ObjectMeta{Name: fmt.Sprintf("junk-%d", sequence), Metadata: map[string]string{
		"sequence": fmt.Sprint(sequence), "stored-at": storedAt.UTC().Format(time.RFC3339Nano),
	}}
	_, err = bucket.Put(soon(s.t), meta, strings.NewReader(content))
	require.NoError(s.t, err)
}

// restoring is the start of a replica: the stores from which a new directory is restored.
func (s *shelf) restoring() (uint64, error) {
	d := readmodel.NewDirectory(s.Store, s.log)
	restored, err := snapshot.Restore(soon(s.t), d, s.bucket, s.Store, s.log)
	if err != nil {
		require.Zero(s.t, d.Stats(), "it is as new")
	}
	return restored.Sequence, err
}

func (s *shelf) warned(of string) int { return strings.Count(s.logged.String(), of) }

// Other objects in the bucket neither make a start fail nor take the place of a snapshot.
func TestAStartIgnoresOtherObjects(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1, 2, 3)
	mark := s.d.View()
	s.put("junk", 999_999, time.Now())
	s.put("junk", mark.Sequence, mark.StoredAt)
	s.put("junk", 2, time.Now())
	restored, err := s.restoring()
	require.NoError(t, err)
	require.Zero(t, restored, "there is none yet")
	require.Equal(t, 3, s.warned("unusable snapshot ignored"))
	s.save()
	restored, err = s.restoring()
	require.NoError(t, err)
	require.Equal(t, mark.Sequence, restored)
}

// A valid snapshot of a position beyond the stream's end shows that the stream has lost events.
func TestAStartDetectsThatTheStreamWentBackwards(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.create(1, 2, 3)
	s.save()
	var content bytes.Buffer
	require.NoError(t, snapshot.Encode(&content, s.d.View()))
	stream, err := s.js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, s.js.DeleteStream(soon(t), eventstore.Stream))
	_, err = s.js.CreateStream(soon(t), stream.CachedInfo().Config)
	require.NoError(t, err)
	again := newShelf(t, s.nc, 1)
	again.create(1)
	_, err = again.restoring()
	require.ErrorIs(t, err, eventstore.ErrWentBackwards)
	require.ErrorContains(t, err, "it reached sequence 3 and now ends at 1")

	require.NoError(t, s.js.DeleteObjectStore(soon(t), eventstore.SnapshotsBucket))
	_, err = again.restoring()
	require.NoError(t, err, "a bucket that is gone has none")
	again.save()
	again.put(content.String(), 999_999, time.Now())
	restored, err := again.restoring()
	require.NoError(t, err, "its content has another sequence than its metadata")
	require.EqualValues(t, 1, restored)
}

// A start waits for the leaders of the stream and of the snapshots.
func TestAStartDuringAnElectionUsesTheSnapshot(t *testing.T) {
	t.Parallel()
	for _, name := range []string{eventstore.Stream, eventstore.SnapshotsStream} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := natstest.NewNetwork(t)
			cluster := natstest.Run(t, 3, network.Between)
			s := newShelf(t, cluster.Connect(t, 0), 3)
			s.create(1, 2, 3)
			s.save()
			stream, err := s.js.Stream(soon(t), name)
			require.NoError(t, err)
			leader := stream.CachedInfo().Cluster.Leader
			if leader == cluster.Servers[0].Name() {
				s = newShelf(t, cluster.Connect(t, 1), 3)
			}
			network.Cut(leader)
			refusals, restored := 0, uint64(0)
			require.Eventually(t, func() bool {
				var err error
				if restored, err = s.restoring(); err != nil {
					require.NotErrorIs(t, err, eventstore.ErrWentBackwards)
					refusals++
				}
				return err == nil
			}, 40*time.Second, 20*time.Millisecond)
			require.EqualValues(t, 3, restored)
			require.NotZero(t, refusals, "there was an election")
			require.Zero(t, s.warned("cannot be used"))
		})
	}
}
