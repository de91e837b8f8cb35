package eventstore

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever becomes of a block: what is read is what was written, and all the rest is told.
func TestFilesTellWhateverIsDamaged(t *testing.T) {
	t.Parallel()
	const messages = 3000
	dir := t.TempDir()
	serve(t, dir, func(s *Store) { fill(t, s, messages) })
	mark, err := OpenHighWater(filepath.Join(dir, highWaterName), 0, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	mark.advance(messages)
	require.NoError(t, mark.Close())
	h := openFiles(t, dir)
	written := tell(t, h)
	require.Len(t, written, messages)
	h.Close()
	sound, err := os.ReadFile(blockFile(dir, 1))
	require.NoError(t, err)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		content := slices.Clone(sound)
		for range 1 + random.IntN(3) {
			content = damaged(random, content)
		}
		require.NoError(t, os.WriteFile(blockFile(dir, 1), content, 0o600))
		h, err := OpenFiles(deadline(t), dir, func(_, _ uint64) {})
		require.NoError(t, err)
		require.Equal(t, []uint64{1, messages}, []uint64{h.First, h.Last})
		faults := len(h.Damage)
		for sequence, told := range tell(t, h) {
			if told.missed || told.fault != "" {
				faults++
				continue
			}
			require.Equal(t, written[sequence], told)
		}
		require.True(t, faults > 0 || slices.Equal(content, sound))
		h.Close()
	}
}

// damaged is a block after an accident.
func damaged(random *rand.Rand, content []byte) []byte {
	if len(content) == 0 {
		return content
	}
	from := random.IntN(len(content))
	to := min(len(content), from+1+random.IntN(1<<(1+random.IntN(18))))
	switch random.IntN(5) {
	case 0:
		content[from] ^= 1 << random.IntN(8)
	case 1:
		clear(content[from:to])
	case 2:
		for i := from; i < to; i++ {
			content[i] = byte(random.Uint32())
		}
	case 3:
		return slices.Delete(content, from, to)
	case 4:
		return append(content[:from:from], content[max(0, from-1000):]...) // a piece twice
	}
	return content
}
