package eventstore

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// filledStore is the data directory of a server that has ended: several blocks of events, ids and keys.
func filledStore(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	e, err := startEmbedded(t, dir)
	require.NoError(t, err)
	nc, err := e.Connect()
	require.NoError(t, err)
	s, err := Open(deadline(t), nc, Config{Replicas: 1, HighWater: e.HighWater, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	fill(t, s, 14_000)
	for range 3 * blockSize {
		_, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
	}
	r, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.NoError(t, s.Release(deadline(t), "test", "key", r))
	last, err := s.LastSequence(deadline(t))
	require.NoError(t, err)
	e.HighWater.advance(last)
	s.Close()
	nc.Close()
	e.Shutdown()
	return dir
}

func eventBlocks(t *testing.T, dir string) []string {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(dir, "nats/jetstream/$G/streams/CLIENTS/msgs/*.blk"))
	require.NoError(t, err)
	return blocks
}

// contents are the hashes of all files.
func contents(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := make(map[string][32]byte)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = sha256.Sum256(content)
		return err
	}))
	return all
}

func TestAServerIsNotStartedOverADamagedStore(t *testing.T) {
	t.Parallel()
	sound := filledStore(t)
	require.Greater(t, len(eventBlocks(t, sound)), 1)
	flip := func(path string, at float64) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		content[int(at*float64(len(content)-1))] ^= 1
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	shorten := func(path string, by int64) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, info.Size()-by))
	}
	first := func(dir string) string { return eventBlocks(t, dir)[0] }
	newest := func(dir string) string { b := eventBlocks(t, dir); return b[len(b)-1] }
	stream := func(dir string) string { return filepath.Dir(filepath.Dir(first(dir))) }
	keys := func(dir string) string { return filepath.Join(stream(dir), "../KV_CLIENTS_KEYS/msgs/1.blk") }
	lengthen := func(path string, at int64) { // makes the length of the subject at the beginning of a record too large
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		defer file.Close()
		_, err = file.WriteAt([]byte{0xff}, at)
		require.NoError(t, err)
	}
	noMark := func(dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "high-water"))) }
	for name, damage := range map[string]func(dir string){
		"a bit of the first message":        func(dir string) { flip(first(dir), 0.000001) },
		"a bit in the middle":               func(dir string) { flip(first(dir), .5) },
		"a bit of an old block's end":       func(dir string) { flip(first(dir), 1) },
		"a bit of the newest block":         func(dir string) { flip(newest(dir), .5) },
		"a bit of the last message":         func(dir string) { flip(newest(dir), 1) },
		"an old block cut short":            func(dir string) { shorten(first(dir), 1) },
		"the last message cut short":        func(dir string) { shorten(newest(dir), 1) },
		"the newest block emptied":          func(dir string) { require.NoError(t, os.Truncate(newest(dir), 0)) },
		"the newest block gone":             func(dir string) { require.NoError(t, os.Remove(newest(dir))) },
		"a key's length":                    func(dir string) { lengthen(keys(dir), 21) },
		"a key's size":                      func(dir string) { lengthen(keys(dir), 2) },
		"a key's bit":                       func(dir string) { flip(keys(dir), .5) },
		"a length, and no mark":             func(dir string) { noMark(dir); lengthen(newest(dir), 21) },
		"cut short, and no mark":            func(dir string) { noMark(dir); shorten(newest(dir), 1) },
		"a bit of the mark":                 func(dir string) { flip(filepath.Join(dir, "high-water"), .5) },
		"a message cut out":                 func(dir string) { cutOut(t, first(dir)) },
		"the stream gone":                   func(dir string) { require.NoError(t, os.RemoveAll(stream(dir))) },
		"the stream's configuration gone":   func(dir string) { require.NoError(t, os.Remove(filepath.Join(stream(dir), "meta.inf"))) },
		"the stream's configuration edited": func(dir string) { flip(filepath.Join(stream(dir), "meta.inf"), .5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(sound)))
			damage(dir)
			before := contents(t, dir)
			_, err := startEmbedded(t, dir)
			require.Error(t, err)
			var damaged *DamagedError
			if !errors.As(err, &damaged) && !errors.Is(err, ErrWentBackwards) {
				require.ErrorContains(t, err, "high-water is damaged")
			}
			require.Equal(t, before, contents(t, dir), "nothing is changed")
		})
	}
}

// A crash in the middle of a write leaves part of a message that nobody was told is stored.
func TestAMessageThatWasBeingWrittenInACrashIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := filledStore(t)
	blocks := eventBlocks(t, dir)
	newest, err := os.OpenFile(blocks[len(blocks)-1], os.O_APPEND|os.O_RDWR, 0)
	require.NoError(t, err)
	defer newest.Close()
	part := make([]byte, 100)
	_, err = newest.ReadAt(part, 0)
	require.NoError(t, err)
	_, err = newest.Write(part)
	require.NoError(t, err)
	e, err := startEmbedded(t, dir)
	require.NoError(t, err)
	nc, err := e.Connect()
	require.NoError(t, err)
	defer nc.Close()
	last, err := openStore(t, nc, 1).LastSequence(deadline(t))
	require.NoError(t, err)
	require.Equal(t, uint64(14_000), last)
}

// cutOut takes the second message out of a block.
func cutOut(t *testing.T, path string) {
	t.Helper()
	block, err := os.ReadFile(path)
	require.NoError(t, err)
	first := record(block).size()
	second := record(block[first:]).size()
	require.NoError(t, os.WriteFile(path, slices.Delete(block, first, first+second), 0o600))
}
