package eventstore

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestInspectAcceptsANewStore(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "not there yet")} {
		require.NoError(t, inspectData(dir, 0))
	}
	dir := filepath.Join(t.TempDir(), "a [name] with *?")
	killed := serve(t, dir, func(*Store) {})
	require.NoError(t, inspectData(dir, 0))
	require.NoError(t, inspectData(killed, 0))
}

func TestInspectAcceptsWhatAServerLeaves(t *testing.T) {
	t.Parallel()
	sound, _ := writtenStore(t)
	for name, act := range acts(t, sound) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopped := copied(t, sound)
			killed := serve(t, stopped, func(s *Store) { act(t, s) })
			for _, dir := range []string{stopped, killed} {
				before := hashes(t, dir)
				require.NoError(t, inspectData(dir, written))
				require.Equal(t, before, hashes(t, dir))
				serve(t, dir, func(*Store) {})
				require.NoError(t, inspectData(dir, written), "after one more start")
			}
		})
	}
}

// acts are what may be done to the store of writtenStore.
func acts(t *testing.T, sound string) map[string]func(*testing.T, *Store) {
	content, err := os.ReadFile(blockFile(sound, 2))
	require.NoError(t, err)
	second := binary.LittleEndian.Uint64(content[4:])
	purging := func(option ...jetstream.StreamPurgeOpt) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) { purge(t, s, option...) }
	}
	purgingSubjects := func(subjects ...string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			for _, subject := range subjects {
				purge(t, s, jetstream.WithPurgeSubject(subject))
			}
		}
	}
	return map[string]func(*testing.T, *Store){
		"nothing":                              func(*testing.T, *Store) {},
		"more messages":                        func(t *testing.T, s *Store) { write(t, s, written+1, written+10) },
		"a purge of one client":                purgingSubjects("clients.test.20"),
		"a purge of the last client":           purgingSubjects(fmt.Sprintf("clients.test.%d", written)),
		"a purge that empties the older block": purgingSubjects("client-references.a.*", "client-references.b.*", "clients.test.*"),
		"a purge of every subject":             purgingSubjects("clients.>", "client-references.>"),
		"a purge up to a sequence":             purging(jetstream.WithPurgeSequence(50)),
		"a purge up to a block":                purging(jetstream.WithPurgeSequence(second)),
		"a purge of all but a few":             purging(jetstream.WithPurgeKeep(3)),
		"a purge of everything":                purging(),
		"ids and keys":                         idsAndKeys,
		"another stream deleted":               otherStream,
	}
}

func TestInspectAcceptsAPurgeWithoutATrace(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][3]int{"a block between others": {60, 200, 20}, "the newest block": {1, 60, 30}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, total := t.TempDir(), uint64(sizes[0]+sizes[1]+sizes[2])
			killed := serve(t, dir, func(s *Store) {
				writeLarge(t, s, "before", sizes[0])
				writeLarge(t, s, "purged", sizes[1])
				purge(t, s, jetstream.WithPurgeSubject("client-references.purged"))
				writeLarge(t, s, "after", sizes[2])
				fill(t, s, 2)
			})
			require.NoError(t, inspectData(dir, total+2))
			require.NoError(t, inspectData(killed, total+2))
		})
	}
}

func writeLarge(t testing.TB, s *Store, subject string, n int) {
	t.Helper()
	body := make([]byte, 100_000)
	for range n {
		_, err := s.js.Publish(deadline(t), "client-references."+subject, body)
		require.NoError(t, err)
	}
}

func idsAndKeys(t *testing.T, s *Store) {
	for range 3 * blockSize {
		_, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
	}
	keys, err := s.js.KeyValue(deadline(t), KeysBucket)
	require.NoError(t, err)
	_, err = keys.Put(deadline(t), "test.key", []byte("taken"))
	require.NoError(t, err)
	require.NoError(t, keys.Delete(deadline(t), "test.key"))
}

func otherStream(t *testing.T, s *Store) {
	for _, name := range []string{"DELETED", "KEPT"} {
		_, err := s.js.CreateStream(deadline(t), jetstream.StreamConfig{Name: name, Subjects: []string{name}})
		require.NoError(t, err)
		_, err = s.js.Publish(deadline(t), name, []byte("without headers"))
		require.NoError(t, err)
	}
	require.NoError(t, s.js.DeleteStream(deadline(t), "DELETED"))
}

func TestInspectAcceptsARewrittenBlock(t *testing.T) {
	t.Parallel()
	stopped, _ := writtenStore(t)
	full, err := os.Stat(blockFile(stopped, 1))
	require.NoError(t, err)
	killed := serve(t, stopped, func(s *Store) {
		for _, subject := range []string{"client-references.b.*", "clients.test.20", "client-references.a.1", "client-references.a.3",
			"client-references.a.5", "client-references.a.7", "client-references.a.9"} {
			purge(t, s, jetstream.WithPurgeSubject(subject))
		}
		fill(t, s, 1)
	})
	for _, dir := range []string{stopped, killed} {
		rewritten, err := os.Stat(blockFile(dir, 1))
		require.NoError(t, err)
		require.Less(t, rewritten.Size(), full.Size()*2/3)
		require.NoError(t, inspectData(dir, written))
	}
}

func TestInspectAcceptsWhatIsNoDamage(t *testing.T) {
	t.Parallel()
	purged := t.TempDir()
	serve(t, purged, func(s *Store) {
		write(t, s, 1, 20)
		_, err := s.NextID(deadline(t), 0)
		require.NoError(t, err)
		purge(t, s)
	})
	for name, test := range map[string]struct {
		reached uint64
		alter   func(t *testing.T, events, ids string)
	}{
		"the new block of a purge is still aside": {20, func(t *testing.T, events, _ string) {
			require.NoError(t, os.Rename(filepath.Join(events, "msgs"), filepath.Join(events, "__new_msgs__")))
		}},
		"no configuration, and no message": {0, func(t *testing.T, events, _ string) {
			require.NoError(t, os.RemoveAll(filepath.Join(events, "msgs")))
			require.NoError(t, os.Remove(filepath.Join(events, "meta.inf")))
		}},
		"no checksum of the configuration": {20, func(t *testing.T, events, _ string) {
			require.NoError(t, os.Remove(filepath.Join(events, "meta.sum")))
		}},
		"another stream half deleted": {20, func(t *testing.T, _, ids string) {
			require.NoError(t, os.Remove(filepath.Join(ids, "meta.inf")))
		}},
		"another stream cut short": {20, func(t *testing.T, _, ids string) {
			files, err := filepath.Glob(filepath.Join(ids, "msgs", "*"+blockSuffix))
			require.NoError(t, err)
			edit(t, files[0], func(content []byte) []byte { return content[:len(content)-1] })
		}},
		"a compressed block": {20, func(t *testing.T, events, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(events, "msgs", "9.blk"), []byte("cmp\x01\x05hello"), 0o600))
		}},
		"an encrypted block": {20, func(t *testing.T, events, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(events, "msgs", "9.blk"), []byte("hello"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(events, "msgs", "9.key"), []byte("key"), 0o600))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, purged)
			test.alter(t, streamDir(dir, Stream), streamDir(dir, IDStream))
			require.NoError(t, inspectData(dir, test.reached))
		})
	}
}

func TestInspectAcceptsATornTail(t *testing.T) {
	t.Parallel()
	_, killed := writtenStore(t)
	content, err := os.ReadFile(blockFile(killed, 2))
	require.NoError(t, err)
	last := len(lastRecord(content))
	for _, left := range []int{1, last / 2, last - recordHash} {
		for name, zeros := range map[string]int{"cut": 0, "zeros": last - left, "many zeros": 10_000} {
			t.Run(fmt.Sprintf("%d bytes left, %s", left, name), func(t *testing.T) {
				t.Parallel()
				dir := copied(t, killed)
				edit(t, blockFile(dir, 2), func(content []byte) []byte {
					return append(content[:len(content)-last+left], make([]byte, zeros)...)
				})
				before := hashes(t, dir)
				require.ErrorIs(t, inspectData(dir, written), ErrWentBackwards)
				require.NoError(t, inspectData(dir, written-1))
				_, err := inspect(filepath.Join(dir, storeName), true)
				require.Error(t, err)
				require.Equal(t, before, hashes(t, dir))
				serve(t, dir, func(s *Store) {
					info, err := s.api.StreamInfo(deadline(t), Stream) // one event was purged
					require.NoError(t, err)
					require.Equal(t, uint64(written-1), info.State.Last)
				})
			})
		}
	}
}

// Neither a mark that is missing, nor one whose writing was interrupted, nor a message cut short without a mark is damage.
func TestAStoreWithoutAWholeMarkStarts(t *testing.T) {
	t.Parallel()
	sound := t.TempDir()
	serve(t, sound, func(s *Store) { write(t, s, 1, 5) })
	whole, err := os.ReadFile(filepath.Join(sound, highWaterName))
	require.NoError(t, err)
	for size := range len(whole) {
		for name, content := range map[string][]byte{
			"truncated": whole[:size], "zeros": append(slices.Clone(whole[:size]), make([]byte, len(whole)-size)...),
		} {
			path := filepath.Join(t.TempDir(), highWaterName)
			require.NoError(t, os.WriteFile(path, content, 0o600))
			mark, err := OpenHighWater(path, 4, slog.New(slog.DiscardHandler))
			require.NoError(t, err, "%s, %d bytes", name, size)
			require.Equal(t, uint64(4), mark.Sequence())
			require.NoError(t, mark.Close())
		}
	}
	for name, content := range map[string][]byte{"missing": nil, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, sound)
			require.NoError(t, os.Remove(filepath.Join(dir, highWaterName)))
			require.NoError(t, os.Remove(filepath.Join(messagesDir(streamDir(dir, Stream)), indexName)))
			edit(t, blockFile(dir, 1), func(content []byte) []byte { return content[:len(content)-10] })
			if content != nil {
				require.NoError(t, os.WriteFile(filepath.Join(dir, highWaterName), content, 0o600))
			}
			history := openFiles(t, dir)
			require.Empty(t, history.Damage)
			history.Close()
			serve(t, dir, func(s *Store) {
				sequence, err := s.LastSequence(deadline(t))
				require.NoError(t, err)
				require.Equal(t, uint64(4), sequence)
			})
		})
	}
}

func TestAFileIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path+".tmp", []byte("what an interrupted write left"), 0o600))
	for _, content := range []string{"former", "new"} {
		require.NoError(t, WriteFile(path, []byte(content)))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(written))
	}
	require.NoFileExists(t, path+".tmp")
	require.Error(t, WriteFile(filepath.Join(path, "within a file"), nil))
}

func TestAStoreWithoutAMarkGetsOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, func(s *Store) { write(t, s, 1, 5) })
	mark := filepath.Join(dir, "high-water")
	require.NoError(t, os.Remove(mark))
	serve(t, dir, func(*Store) {})
	again, err := OpenHighWater(mark, 0, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, uint64(5), again.Sequence())
	require.NoError(t, again.Close())
}

func BenchmarkInspect(b *testing.B) {
	dir := b.TempDir()
	serve(b, dir, func(s *Store) { fill(b, s, 200_000) })
	size := int64(0)
	require.NoError(b, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		size += info.Size()
		return err
	}))
	b.SetBytes(size)
	for b.Loop() {
		require.NoError(b, inspectData(dir, 200_000))
	}
}
