package eventstore

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// openFiles reads the store in dir as it is, which must not change it.
func openFiles(t testing.TB, dir string) *History {
	t.Helper()
	before := hashes(t, dir)
	h, err := OpenFiles(deadline(t), dir, func(done, total uint64) { require.LessOrEqual(t, done, total) })
	require.NoError(t, err)
	t.Cleanup(h.Close)
	require.Equal(t, before, hashes(t, dir))
	return h
}

// told is what a history answers of a sequence.
type told struct {
	record Record
	missed bool
	fault  string
}

func tell(t testing.TB, h *History) (all map[uint64]told) {
	t.Helper()
	all = make(map[uint64]told)
	reached := h.First - 1
	for r, err := range h.Records(deadline(t)) {
		var missing *MissingError
		if errors.As(err, &missing) {
			require.Equal(t, reached+1, missing.First)
			for reached < missing.Last {
				reached++
				all[reached] = told{missed: true}
			}
			continue
		}
		require.Equal(t, reached+1, r.Sequence)
		reached = r.Sequence
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		r.StoredAt, r.Event, r.Reference = r.StoredAt.UTC(), nil, nil // the latter are compared by their checksums
		all[reached] = told{record: r, fault: fault}
	}
	require.Equal(t, h.Last, reached)
	return all
}

func requireFilesSound(t testing.TB, dir string) {
	t.Helper()
	h := openFiles(t, dir)
	defer h.Close()
	require.Empty(t, h.Damage)
	for sequence, told := range tell(t, h) {
		require.Empty(t, told.fault, sequence)
		require.False(t, told.missed, sequence)
	}
}

// requireToldAlone insists that the one message of the stream of events that is damaged is told, and all others read.
func requireToldAlone(t testing.TB, dir string, sequence uint64, name string) {
	t.Helper()
	h := openFiles(t, dir)
	defer h.Close()
	faults := len(h.Damage)
	for at, told := range tell(t, h) {
		if told.fault != "" {
			faults++
		}
		if at != sequence && at != 30 { // which writtenStore has purged
			require.Equal(t, at, told.record.Sequence, name)
			require.Empty(t, told.fault, name)
		} else if at == sequence {
			require.True(t, told.missed || told.fault != "", name)
		}
	}
	require.Equal(t, 1, faults, name)
}

// What the blocks say is what the server says that it makes of them.
func TestFilesTellWhatTheirServerTells(t *testing.T) {
	t.Parallel()
	sound, _ := writtenStore(t)
	for name, act := range acts(t, sound) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopped := copied(t, sound)
			killed := serve(t, stopped, func(s *Store) { act(t, s) })
			for how, dir := range map[string]string{"stopped": stopped, "killed": killed} {
				h := openFiles(t, dir)
				require.Empty(t, h.Damage, how)
				files := tell(t, h)
				h.Close()
				serve(t, dir, func(s *Store) {
					served, err := OpenHistory(deadline(t), s.nc)
					require.NoError(t, err)
					require.Equal(t, []uint64{served.First, served.Last, served.Messages}, []uint64{h.First, h.Last, h.Messages}, how)
					require.Equal(t, []any{served.Counter, served.Counted}, []any{h.Counter, h.Counted}, how)
					for sequence, want := range tell(t, served) {
						require.Equal(t, want, files[sequence], "%s: %d", how, sequence)
					}
				})
			}
		})
	}
}

func TestFilesInUseAreNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := startEmbedded(t, dir)
	require.NoError(t, err)
	_, err = OpenFiles(deadline(t), dir, nil)
	require.ErrorIs(t, err, ErrLocked)
	e.Shutdown()
	_, err = OpenFiles(deadline(t), dir, nil)
	require.ErrorIs(t, err, ErrNoHistory)
	_, err = OpenFiles(deadline(t), filepath.Join(dir, "none"), nil)
	require.ErrorIs(t, err, ErrNoHistory)
}

func TestNoServerIsStartedOverFilesThatAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, func(s *Store) { write(t, s, 1, 5) })
	h := openFiles(t, dir)
	_, err := startEmbedded(t, dir)
	require.ErrorIs(t, err, ErrLocked)
	h.Close()
	_, err = startEmbedded(t, dir)
	require.NoError(t, err)
}
