package eventstore

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func startEmbedded(t *testing.T, dir string) (*Embedded, error) {
	t.Helper()
	e, err := StartEmbedded(EmbeddedConfig{Dir: dir, Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Cleanup(e.Shutdown)
	}
	return e, err
}

func TestTheEmbeddedServerKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := startEmbedded(t, dir)
	require.NoError(t, err)
	nc, err := e.Connect()
	require.NoError(t, err)
	s, err := Open(deadline(t), nc, Config{Replicas: 1, HighWater: e.HighWater, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	require.Len(t, stored(t, s), 1)
	require.True(t, e.server.JetStreamConfig().SyncAlways, "what is acknowledged is on disk")
	s.Close()
	nc.Close()
	e.Shutdown()

	again, err := startEmbedded(t, dir)
	require.NoError(t, err)
	require.Equal(t, uint64(1), again.HighWater.Sequence())
	address, login, err := EmbeddedAdmin(dir) // as other programs do
	require.NoError(t, err)
	nc, err = nats.Connect(address, login)
	require.NoError(t, err)
	defer nc.Close()
	require.Len(t, stored(t, openStore(t, nc, 1)), 1)
}

func TestAStoreInUseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := startEmbedded(t, dir)
	require.NoError(t, err)
	_, err = startEmbedded(t, dir)
	require.ErrorIs(t, err, ErrLocked)
	e.Shutdown()
	_, err = startEmbedded(t, dir)
	require.NoError(t, err)
}

func TestAnAddressInUseIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dir := filepath.Join(t.TempDir(), "data")
	_, err = StartEmbedded(EmbeddedConfig{Dir: dir, Addr: listener.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	require.Error(t, err)
	require.NoFileExists(t, dir)
	_, err = os.Stat(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}
