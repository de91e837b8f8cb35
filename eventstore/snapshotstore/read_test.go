package snapshotstore_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

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
	require.NoError(t, s.Delete(deadline(t)))
	require.NoError(t, s.Ensure(deadline(t)))
	_, err = s.read(snapshot)
	require.ErrorContains(t, err, "is behind", "in a bucket that was made again")
}

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
			require.EqualValues(t, 4, object.Chunks, "the first one is empty")
		}
		require.NoError(t, bucket.Delete(deadline(t), object.Name))
	}
	require.Empty(t, s.list(), "a marker of a deletion is none")
}

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
			"sequence": "7", "stored-at": "2026-11-28T09:00:00.000000123Z", "form": snapshotstore.Format, "stream-created": "2026-11-01T00:00:00Z",
		},
	})
	require.NoError(t, err)
	_, err = s.js.Publish(deadline(t), "$O.CLIENTS_SNAPSHOTS.M.MDAwMDAwMDAwMDAwMDAwMDAwMDctMQ==", meta)
	require.NoError(t, err)
	all := s.list()
	require.Len(t, all, 1)
	require.Equal(t, mark(7), all[0].Checkpoint)
	require.Equal(t, snapshotstore.Format, all[0].Format)
	content, err := s.read(all[0])
	require.NoError(t, err)
	require.Equal(t, "one two", content)
}
