package embedded_test

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/eventstore/embedded"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestTheServerKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed := serve(t, dir, func(s *service) { s.create(1) })
	for _, dir := range []string{dir, killed} {
		serve(t, dir, func(s *service) {
			require.Equal(t, uint64(1), s.server.HighWater.Sequence())
			address, login, err := embedded.Admin(dir) // as other programs do
			require.NoError(t, err)
			nc, err := nats.Connect(address, login)
			require.NoError(t, err)
			nc.Close()
			require.Equal(t, uint64(1), s.last())
		})
	}
	_, _, err := embedded.Admin(dir)
	require.ErrorIs(t, err, embedded.ErrNotRunning)
}

func TestAStoreInUseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := start(t, dir)
	require.NoError(t, err)
	_, err = start(t, dir)
	require.ErrorIs(t, err, embedded.ErrLocked)
	_, err = embedded.StartCopy(dir)
	require.ErrorIs(t, err, embedded.ErrLocked)
	first.Shutdown()
	_, err = start(t, dir)
	require.NoError(t, err)
}

func TestAnAddressInUseIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dir := filepath.Join(t.TempDir(), "data")
	_, err = embedded.Start(embedded.Config{Dir: dir, Addr: listener.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	var listen *net.OpError
	require.ErrorAs(t, err, &listen)
	require.NoDirExists(t, dir)
}

func TestACopyNeedsRoom(t *testing.T) {
	dir, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	serve(t, dir, func(s *service) { s.create(1) })
	copied, err := embedded.StartCopy(dir)
	require.NoError(t, err)
	require.Equal(t, uint64(1), copied.Reached)
	require.Empty(t, copied.Damage)
	require.NoError(t, copied.Close())

	large := filepath.Join(dir, "nats", "large")
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	require.NoError(t, os.Truncate(large, 1<<42)) // and takes no room itself
	_, err = embedded.StartCopy(dir)
	require.ErrorIs(t, err, embedded.ErrNoRoom)
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTheServerKnowsWhetherItsProcessIsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := start(t, dir)
	require.NoError(t, err)
	connect := func() *nats.Conn {
		nc, err := server.Connect()
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return nc
	}
	connect()
	lost := connect()
	require.True(t, server.Alone())
	_, login, err := embedded.Admin(dir)
	require.NoError(t, err)
	other, err := nats.Connect(server.URL(), login)
	require.NoError(t, err)
	t.Cleanup(other.Close)
	require.False(t, server.Alone())
	lost.Close() // and is not there to be counted in place of the other one
	require.Never(t, server.Alone, 100*time.Millisecond, time.Millisecond)
	other.Close()
	require.Eventually(t, server.Alone, 10*time.Second, time.Millisecond)
}
