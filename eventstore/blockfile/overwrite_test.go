package blockfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/eventstore/blockfile"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Message 2 of the store was deleted without being overwritten, as a kill in the middle leaves it.
func TestOverwriteRemovesADeletedMessageFromTheFiles(t *testing.T) {
	t.Parallel()
	for _, compressed := range []bool{false, true} {
		dir, file := store(t)
		if compressed {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			packed, err := server.S2Compression.Compress(content)
			require.NoError(t, err)
			meta := &server.CompressionInfo{Algorithm: server.S2Compression, OriginalSize: uint64(len(content))}
			require.NoError(t, os.WriteFile(file, append(meta.MarshalMetadata(), packed...), 0o600))
		}
		before, err := scanned(dir)
		require.NoError(t, err)
		require.Contains(t, before, blockfile.Record{Stream: "EVENTS", Sequence: 2, Deleted: true, Tombstone: true})
		require.Contains(t, before, blockfile.Record{Stream: "EVENTS", Sequence: 2})
		require.NoError(t, blockfile.Overwrite(dir, "EVENTS", map[uint64]bool{2: true}))

		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(content), "b: 2")
		require.Equal(t, 5, bytes.Count(content, []byte("a.b")), "of the other messages")
		after, err := scanned(dir)
		require.NoError(t, err)
		before[1].Deleted = true
		require.Equal(t, before, after)
		require.NoError(t, blockfile.Overwrite(dir, "EVENTS", map[uint64]bool{2: true}))
		again, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, content, again)
		require.Equal(t, []string{"a: 1", "c: 3", "d: ", "e: 5", "f: 6"}, served(t, dir))
	}
}

// served starts a server over a store and returns the messages that it has, without its index, too.
func served(t *testing.T, dir string) (messages []string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams", "EVENTS", "msgs", "index.db")))
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, DontListen: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	defer s.Shutdown()
	require.True(t, s.ReadyForConnections(10*time.Second))
	nc, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "EVENTS")
	require.NoError(t, err)
	require.Equal(t, 1, stream.CachedInfo().State.NumDeleted)
	for sequence := uint64(1); sequence <= 6; sequence++ {
		if m, err := stream.GetMsg(t.Context(), sequence); sequence != 2 {
			require.NoError(t, err)
			for name, values := range m.Header {
				messages = append(messages, name+": "+values[0])
			}
		} else {
			require.ErrorIs(t, err, jetstream.ErrMsgNotFound)
		}
	}
	return messages
}

func TestRemoveLeftoversKeepsWhatIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	streams := filepath.Join(dir, "jetstream", "$G", "streams")
	for path, kept := range map[string]bool{
		"EVENTS/meta.inf": true, "EVENTS/msgs/1.blk": true, "EVENTS/msgs/index.db": true,
		"EVENTS/msgs/1.blk.tmp": false, "EVENTS/msgs/2.new": false, ".OLD/msgs/1.blk": false,
		"HALF/msgs/1.blk": false, "OTHER/msgs/1.blk": true,
	} {
		file := filepath.Join(streams, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		defer func() {
			if kept {
				require.FileExists(t, file)
			} else {
				require.NoFileExists(t, file)
			}
		}()
	}
	require.NoError(t, blockfile.RemoveLeftovers(dir, "HALF"))
	require.NoError(t, blockfile.RemoveLeftovers(t.TempDir(), "HALF"))
}
