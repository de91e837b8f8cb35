package eventstore

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

func TestAHighWaterMarkOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mark")
	mark, err := OpenHighWater(path, 0, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Zero(t, mark.Sequence())
	mark.advance(17)
	mark.advance(5)
	again, err := OpenHighWater(path, 0, slog.New(slog.DiscardHandler)) // the first one was not closed, as after a crash
	require.NoError(t, err)
	require.Equal(t, uint64(17), again.Sequence())
	require.NoError(t, mark.Close())
	require.NoError(t, again.Close())
}

func TestADamagedHighWaterMarkIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mark")
	mark, err := OpenHighWater(path, 0, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	mark.advance(17)
	require.NoError(t, mark.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range content {
		spoilt := append([]byte(nil), content...)
		spoilt[i] ^= 1
		require.NoError(t, os.WriteFile(path, spoilt, 0o600))
		mark, err := OpenHighWater(path, 0, slog.New(slog.DiscardHandler))
		if err == nil {
			require.Equal(t, uint64(17), mark.Sequence(), "byte %d", i) // white space may change
		}
	}
}

func TestAStreamThatEndsBeforeItsMarkIsRefused(t *testing.T) {
	t.Parallel()
	mark, err := OpenHighWater(filepath.Join(t.TempDir(), "mark"), 0, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	mark.advance(3)
	_, err = Open(deadline(t), natstest.Run(t, 1).Connect(t, 0), Config{Replicas: 1, HighWater: mark, Log: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, ErrWentBackwards)
}
