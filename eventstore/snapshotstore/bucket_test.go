package snapshotstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

const (
	form      = "form 1\n"
	chunkSize = 128 << 10
)

var storedAt = time.Date(2026, 11, 28, 9, 0, 0, 123, time.UTC)

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// shelf is a bucket, and the JetStream that it is in.
type shelf struct {
	*snapshotstore.Bucket
	t  testing.TB
	js jetstream.JetStream
}

func newShelf(t testing.TB, nc *nats.Conn, replicas int) *shelf {
	t.Helper()
	b, err := snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, b.Ensure(deadline(t)))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return &shelf{b, t, js}
}

func mark(sequence uint64) snapshotstore.Mark {
	return snapshotstore.Mark{Checkpoint: eventstore.Checkpoint{Sequence: sequence, StoredAt: storedAt}, Form: form}
}

func text(content string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
}

func (s *shelf) save(sequence uint64, content string) {
	s.t.Helper()
	require.NoError(s.t, s.Save(deadline(s.t), mark(sequence), text(content)))
}

func (s *shelf) list() []snapshotstore.Snapshot {
	s.t.Helper()
	l, err := s.List(deadline(s.t))
	require.NoError(s.t, err)
	return l.Snapshots
}

func (s *shelf) sequences() (all []uint64) {
	s.t.Helper()
	for _, snapshot := range s.list() {
		all = append(all, snapshot.Sequence)
	}
	return all
}

func (s *shelf) read(snapshot snapshotstore.Snapshot) (string, error) {
	s.t.Helper()
	var content bytes.Buffer
	err := s.Read(deadline(s.t), snapshot, func(r io.Reader) error {
		_, err := io.Copy(&content, r)
		return err
	})
	return content.String(), err
}

func (s *shelf) stream() jetstream.Stream {
	s.t.Helper()
	stream, err := s.js.Stream(deadline(s.t), snapshotstore.Stream)
	require.NoError(s.t, err)
	return stream
}

// chunks returns the number of chunks by subject.
func (s *shelf) chunks() map[string]uint64 {
	s.t.Helper()
	info, err := s.stream().Info(deadline(s.t), jetstream.WithSubjectFilter("$O.CLIENTS_SNAPSHOTS.C.*"))
	require.NoError(s.t, err)
	return info.State.Subjects
}

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
			require.Equal(t, form, snapshot.Form)
			content, err := s.read(snapshot)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(snapshot.Sequence, long), content)
		}
	}
}

func TestReplicasThatSaveAtOnceDoNotHarmEachOther(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	var all sync.WaitGroup
	for i := range 3 {
		s := newShelf(t, cluster.Connect(t, i), 3)
		all.Go(func() {
			for range 5 {
				if err := s.Save(deadline(t), mark(1), text(strings.Repeat(fmt.Sprint(i), 300_000))); err != nil {
					require.ErrorIs(t, err, snapshotstore.ErrGone, "others have saved two meanwhile")
				}
			}
		})
	}
	all.Wait()
	s := newShelf(t, cluster.Connect(t, 0), 3)
	kept := s.list()
	require.NotEmpty(t, kept)
	for _, snapshot := range kept {
		content, err := s.read(snapshot)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(content[:1], 300_000), content)
	}
}

// A release that writes another form keeps its own snapshots, and objects that are none are left alone.
func TestOtherObjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	bucket, err := s.js.ObjectStore(deadline(t), snapshotstore.Name)
	require.NoError(t, err)
	_, err = bucket.PutString(deadline(t), "foreign", "hello")
	require.NoError(t, err)
	for n := range uint64(4) {
		s.save(n+1, "content")
		other := mark(n + 1)
		other.Form = "form 2\n"
		require.NoError(t, s.Save(deadline(t), other, text("content")))
	}
	require.Equal(t, []uint64{4, 4, 3, 3}, s.sequences())
	l, err := s.List(deadline(t))
	require.NoError(t, err)
	require.Equal(t, []string{"foreign"}, l.Foreign)
	content, err := bucket.GetString(deadline(t), "foreign")
	require.NoError(t, err)
	require.Equal(t, "hello", content)
	for _, meta := range []string{"{", "{}", `{"name":"x","metadata":{"sequence":"-1"}}`} {
		_, err = s.js.PublishMsg(deadline(t), &nats.Msg{Subject: "$O.CLIENTS_SNAPSHOTS.M.eA==", Data: []byte(meta)})
		require.NoError(t, err)
		require.Len(t, s.list(), 4)
	}
}

// What is removed leaves no message behind, whether or not it was completed.
func TestSnapshotsDoNotAccumulate(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	failure := errors.New("cut off")
	for n := range uint64(20) {
		s.save(n+1, strings.Repeat("x", 200_000))
		err := s.Save(deadline(t), mark(n+1), func(w io.Writer) error {
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

func TestADamagedSnapshotIsReported(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(s *shelf, chunks string){
		"a chunk is gone": func(s *shelf, chunks string) {
			require.NoError(s.t, s.stream().Purge(deadline(s.t), jetstream.WithPurgeSubject(chunks), jetstream.WithPurgeKeep(1)))
		},
		"all chunks are gone": func(s *shelf, chunks string) {
			require.NoError(s.t, s.stream().Purge(deadline(s.t), jetstream.WithPurgeSubject(chunks)))
		},
		"another content": func(s *shelf, chunks string) {
			require.NoError(s.t, s.stream().Purge(deadline(s.t), jetstream.WithPurgeSubject(chunks)))
			for range 2 {
				_, err := s.js.Publish(deadline(s.t), chunks, []byte("other"))
				require.NoError(s.t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
			s.save(1, strings.Repeat("x", chunkSize+1))
			for chunks := range s.chunks() {
				damage(s, chunks)
			}
			_, err := s.read(s.list()[0])
			require.ErrorIs(t, err, snapshotstore.ErrDamaged)
		})
	}
}

func TestReadReturnsWhyItEnded(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.save(1, strings.Repeat("x", 3*chunkSize))
	snapshot := s.list()[0]
	enough := errors.New("enough")
	require.ErrorIs(t, s.Read(deadline(t), snapshot, func(io.Reader) error { return enough }), enough)
	require.NoError(t, s.Read(deadline(t), snapshot, func(io.Reader) error { return nil }))
	require.NoError(t, s.stream().Purge(deadline(t)))
	_, err := s.read(snapshot)
	require.ErrorIs(t, err, snapshotstore.ErrGone)
}

// What the leader does not return as it was written is no snapshot, and the one before stays.
func TestSaveFailsWhereTheContentIsNotStoredAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.save(1, "before")
	before := s.chunks()
	err := s.Save(deadline(t), mark(2), func(w io.Writer) error {
		_, err := w.Write(make([]byte, chunkSize))
		require.NoError(t, err)
		require.NoError(t, text("x")(w)) // so that the chunk before is sent
		require.Eventually(t, func() bool { return len(s.chunks()) == 2 }, 5*time.Second, time.Millisecond)
		for subject := range s.chunks() {
			if before[subject] == 0 {
				_, err := s.js.Publish(deadline(t), subject, []byte("of another writer"))
				require.NoError(t, err)
			}
		}
		return text("end")(w)
	})
	require.ErrorIs(t, err, snapshotstore.ErrDamaged)
	require.Equal(t, []uint64{1}, s.sequences())
	content, err := s.read(s.list()[0])
	require.NoError(t, err)
	require.Equal(t, "before", content)
	require.Equal(t, before, s.chunks(), "nothing of it is left")
}

// The tools for object stores read snapshots and delete them.
func TestASnapshotIsAnObjectOfItsBucket(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	content := strings.Repeat("0123456789", chunkSize/4)
	s.save(1, content)
	s.save(1, "")
	bucket, err := s.js.ObjectStore(deadline(t), snapshotstore.Name)
	require.NoError(t, err)
	objects, err := bucket.List(deadline(t))
	require.NoError(t, err)
	require.Len(t, objects, 2)
	for _, object := range objects {
		got, err := bucket.GetString(deadline(t), object.Name)
		require.NoError(t, err)
		if object.Size > 0 {
			require.True(t, got == content)
			require.EqualValues(t, 3, object.Chunks)
		}
		require.NoError(t, bucket.Delete(deadline(t), object.Name))
	}
	l, err := s.List(deadline(t))
	require.NoError(t, err)
	require.Empty(t, l.Snapshots)
	require.Empty(t, l.Foreign, "a marker of a deletion is none")
}

// A snapshot as the release before stores it, chunk by chunk and with further metadata, is read.
func TestASnapshotOfTheReleaseBeforeIsRead(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	for _, chunk := range []string{"one ", "two"} {
		_, err := s.js.Publish(deadline(t), "$O.CLIENTS_SNAPSHOTS.C.NUID", []byte(chunk))
		require.NoError(t, err)
	}
	meta, err := json.Marshal(map[string]any{
		"name": "00000000000000000007-1", "bucket": "CLIENTS_SNAPSHOTS", "nuid": "NUID", "size": 7, "chunks": 2,
		"digest": "SHA-256=irY-KaS6FOThaI-cFeWvkIlUITWMlFsEMfhdZpd709I=",
		"metadata": map[string]string{
			"sequence": "7", "stored-at": "2026-11-28T09:00:00.000000123Z", "form": form, "stream-created": "2026-11-01T00:00:00Z",
		},
	})
	require.NoError(t, err)
	_, err = s.js.Publish(deadline(t), "$O.CLIENTS_SNAPSHOTS.M.MDAwMDAwMDAwMDAwMDAwMDAwMDctMQ==", meta)
	require.NoError(t, err)
	all := s.list()
	require.Len(t, all, 1)
	require.Equal(t, mark(7), all[0].Mark)
	content, err := s.read(all[0])
	require.NoError(t, err)
	require.Equal(t, "one two", content)
}

func TestEnsureRefusesOtherSettings(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	config := jetstream.ObjectStoreConfig{Bucket: snapshotstore.Name, Storage: jetstream.MemoryStorage, TTL: time.Minute, MaxBytes: 1000}
	_, err = js.CreateObjectStore(deadline(t), config)
	require.NoError(t, err)
	b, err := snapshotstore.New(nc, snapshotstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
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

// Snapshots that are saved and read during elections are right, or the error says that they are not there.
func TestASnapshotThatIsSavedDuringAnElectionIsRight(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	nc := cluster.Connect(t, 0)
	s := newShelf(t, nc, 3)
	stepDown := func() { _, _ = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+snapshotstore.Stream, nil, time.Second) }
	saved := 0
	for round := 0; saved < 3; round++ {
		require.Less(t, round, 20)
		content := strings.Repeat(fmt.Sprintf("round %02d.", round), chunkSize)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		err := s.Save(ctx, mark(uint64(round+1)), func(w io.Writer) error {
			if round%2 == 0 {
				stepDown()
			}
			return text(content)(w)
		})
		cancel()
		if err == nil {
			saved++
		}
		var all []snapshotstore.Snapshot
		require.Eventually(t, func() bool {
			l, err := s.List(deadline(t))
			all = l.Snapshots
			return err == nil
		}, 20*time.Second, 20*time.Millisecond)
		if err != nil && (len(all) == 0 || all[0].Sequence != uint64(round+1)) {
			continue
		}
		got, readErr := s.read(all[0])
		require.True(t, err != nil && errors.Is(readErr, snapshotstore.ErrDamaged) || got == content, "round %d: %v, %v", round, err, readErr)
	}
}

func TestSaveReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := newShelf(t, nc, 1)
	t.Cleanup(network.Heal)
	for _, when := range []string{"before", "meanwhile"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if when == "before" {
			network.Hold("service")
		}
		begun := time.Now()
		err := s.Save(ctx, mark(1), func(w io.Writer) error {
			network.Hold("service")
			_, err := w.Write(make([]byte, 2*chunkSize))
			return err
		})
		require.ErrorIs(t, err, context.DeadlineExceeded, when)
		require.Less(t, time.Since(begun), 2*time.Second, when)
		cancel()
		network.Heal()
	}
}
