package blockfile_test

import (
	"bytes"
	"errors"
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

// store makes a store with one block that holds six messages, of which one was deleted, and
// returns its directory and the block.
func store(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, DontListen: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	nc, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"a.>"}})
	require.NoError(t, err)
	for _, header := range []nats.Header{{"a": {"1"}}, {"b": {"2"}}, {"c": {"3", "4"}}, {"d": {""}}, {"e": {"5"}}, {"f": {"6"}}} {
		_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "a.b", Header: header, Data: []byte("some body")})
		require.NoError(t, err)
	}
	require.NoError(t, stream.DeleteMsg(t.Context(), 2))
	nc.Close()
	s.Shutdown()
	s.WaitForShutdown()
	return dir, filepath.Join(dir, "jetstream", "$G", "streams", "EVENTS", "msgs", "1.blk")
}

// scanned returns the records that a scan visits, and its error.
func scanned(dir string) (all []blockfile.Record, err error) {
	err = blockfile.Scan(dir, "", func(r blockfile.Record) error { all = append(all, r); return nil })
	return all, err
}

func requireDamaged(t *testing.T, err error, file string, what ...any) {
	t.Helper()
	var damaged *blockfile.DamagedError
	require.ErrorAs(t, err, &damaged, what...)
	require.Equal(t, file, damaged.File, what...)
}

func TestScanVisitsEachRecord(t *testing.T) {
	t.Parallel()
	none, err := scanned(filepath.Join(t.TempDir(), "not there yet"))
	require.NoError(t, err)
	require.Empty(t, none)
	dir, _ := store(t)
	all, err := scanned(dir)
	require.NoError(t, err)
	deleted := make(map[uint64]bool)
	for _, r := range all {
		require.Equal(t, "EVENTS", r.Stream)
		deleted[r.Sequence] = deleted[r.Sequence] || r.Deleted
	}
	require.Equal(t, map[uint64]bool{1: false, 2: true, 3: false, 4: false, 5: false, 6: false}, deleted)
	enough := errors.New("enough")
	require.ErrorIs(t, blockfile.Scan(dir, "", func(blockfile.Record) error { return enough }), enough)
}

func TestScanFindsEveryFlippedBit(t *testing.T) {
	t.Parallel()
	dir, file := store(t)
	sound, err := os.ReadFile(file)
	require.NoError(t, err)
	for at := range sound {
		for bit := range 8 {
			flipped := append([]byte(nil), sound...)
			flipped[at] ^= 1 << bit
			require.NoError(t, os.WriteFile(file, flipped, 0o600))
			_, err := scanned(dir)
			requireDamaged(t, err, file, "bit %d of byte %d of %d", bit, at, len(sound))
		}
	}
}

// A crash can truncate the end of a stream, and nothing else.
func TestScanAcceptsATruncatedRecordAtTheEndOfAStreamOnly(t *testing.T) {
	t.Parallel()
	dir, file := store(t)
	sound, err := os.ReadFile(file)
	require.NoError(t, err)
	whole, err := scanned(dir)
	require.NoError(t, err)
	next, undetected := filepath.Join(filepath.Dir(file), "2.blk"), 0
	for size := range sound {
		for name, content := range map[string][]byte{
			"cut": sound[:size], "zeros": append(append([]byte(nil), sound[:size]...), make([]byte, len(sound)-size)...),
		} {
			if bytes.Equal(content, sound) { // its checksum ends with zero
				continue
			}
			require.NoError(t, os.WriteFile(file, content, 0o600))
			left, err := scanned(dir)
			if err != nil { // some bytes of a checksum are there, and others are zero
				requireDamaged(t, err, file)
				require.Equal(t, "zeros", name)
				continue
			}
			require.Less(t, len(left), len(whole), "%d bytes, %s", size, name)
			require.Equal(t, whole[:len(left)], append([]blockfile.Record{}, left...))
			require.NoError(t, os.WriteFile(next, []byte("x"), 0o600)) // another block, so that this is not the end
			if _, err := scanned(dir); err == nil {
				undetected++
				require.Equal(t, "cut", name)
			} else {
				requireDamaged(t, err, file, "%d bytes, %s", size, name)
			}
			require.NoError(t, os.Remove(next))
		}
	}
	require.Equal(t, len(whole), undetected, "where a record begins: that its sequence is missing is noticed by others")
	require.NoError(t, os.WriteFile(file, append(sound, "more, and no record"...), 0o600))
	left, err := scanned(dir)
	require.NoError(t, err)
	require.Equal(t, whole, left)
}
