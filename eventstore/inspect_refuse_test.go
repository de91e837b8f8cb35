package eventstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInspectRefusesAFlippedBit(t *testing.T) {
	t.Parallel()
	_, older := writtenStore(t) // the first of two blocks
	newest := serve(t, t.TempDir(), func(s *Store) { write(t, s, 1, 10) })
	parts := map[string]struct {
		offset func(record) int
		bit    byte
	}{
		"longer":                {func(record) int { return 2 }, 0x80},
		"shorter":               {func(r record) int { return 1 }, 0x01},
		"headers or not":        {func(record) int { return 3 }, 0x80},
		"sequence":              {func(record) int { return 4 }, 1},
		"deleted or not":        {func(record) int { return 11 }, 0x40},
		"time":                  {func(record) int { return 12 }, 1},
		"length of the subject": {func(record) int { return 20 }, 1},
		"subject":               {func(record) int { return recordHeader }, 1},
		"length of the headers": {func(r record) int { return r.subjectEnd() }, 1},
		"far longer headers":    {func(r record) int { return r.subjectEnd() + 3 }, 0x40},
		"headers":               {func(r record) int { return r.textBegin() + 10 }, 1},
		"body":                  {func(r record) int { return len(r) - recordHash - 1 }, 1},
		"hash":                  {func(r record) int { return len(r) - 1 }, 1},
	}
	for block, store := range map[string]string{"older": older, "newest": newest} {
		for place, at := range map[string]float64{"first": 0, "middle": .5, "last": 1} {
			t.Run(place+" of the "+block, func(t *testing.T) {
				t.Parallel()
				dir := copied(t, store)
				file := blockFile(dir, 1)
				sound, err := os.ReadFile(file)
				require.NoError(t, err)
				all := records(sound)
				r := all[int(at*float64(len(all)-1))]
				for part, flip := range parts {
					offset := flip.offset(r)
					poke(t, file, int64(cap(sound)-cap(r)+offset), r[offset]^flip.bit)
					requireRefused(t, dir, 0, nil, part)
					requireToldAlone(t, dir, r.sequence(), part)
					poke(t, file, int64(cap(sound)-cap(r)+offset), r[offset])
				}
			})
		}
	}
}

func poke(t *testing.T, name string, offset int64, value byte) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{value}, offset)
	require.NoError(t, errors.Join(err, file.Close()))
}

func requireRefused(t *testing.T, dir string, reached uint64, want error, name string) {
	t.Helper()
	before := hashes(t, dir)
	err := inspectData(dir, reached)
	require.Equal(t, before, hashes(t, dir), name)
	if want != nil {
		require.ErrorIs(t, err, want, name)
		return
	}
	var damaged *DamagedError
	require.ErrorAs(t, err, &damaged, name)
	require.Contains(t, damaged.File, dir, name)
}

func TestInspectRefusesWhatIsMissingOrAltered(t *testing.T) {
	t.Parallel()
	stopped, killed := writtenStore(t)
	type change func(content []byte) []byte
	var (
		lastByte    change = func(content []byte) []byte { return content[:len(content)-1] }
		lastMessage change = func(content []byte) []byte { return content[:len(content)-len(lastRecord(content))] }
		everything  change = func([]byte) []byte { return nil }
		more        change = func(content []byte) []byte { return append(content, "more, and not a message of any kind"...) }
		blankEnd    change = func(content []byte) []byte { return append(lastByte(lastByte(lastByte(content))), 0, 0, 0) }
		zeros       change = func(content []byte) []byte { return append(content, make([]byte, 50)...) }
		oneBit      change = func(content []byte) []byte { content[len(content)/2] ^= 1; return content }
	)
	for name, test := range map[string]struct {
		file    string // of the stream of events
		change  change // nil: it is removed
		reached uint64
		want    error // nil: a *DamagedError
	}{
		"the older block without its last byte":     {"msgs/1.blk", lastByte, 0, nil},
		"the older block without its last message":  {"msgs/1.blk", lastMessage, 0, nil},
		"the older block with more":                 {"msgs/1.blk", more, 0, nil},
		"the older block with zeros":                {"msgs/1.blk", zeros, 0, nil},
		"the older block emptied":                   {"msgs/1.blk", everything, 0, nil},
		"the older block gone":                      {"msgs/1.blk", nil, 0, nil},
		"the newest block without its last byte":    {"msgs/2.blk", lastByte, written, ErrWentBackwards},
		"the newest block without its last message": {"msgs/2.blk", lastMessage, written, ErrWentBackwards},
		"the newest block with a blank end":         {"msgs/2.blk", blankEnd, 0, nil},
		"the newest block emptied":                  {"msgs/2.blk", everything, written, ErrWentBackwards},
		"the newest block gone":                     {"msgs/2.blk", nil, written, ErrWentBackwards},
		"the newest block gone, and no mark":        {"msgs/2.blk", nil, 0, ErrWentBackwards},
		"all messages gone":                         {"msgs", nil, 1, ErrWentBackwards},
		"the stream gone":                           {"", nil, 1, ErrWentBackwards},
		"the configuration gone":                    {"meta.inf", nil, 0, nil},
		"the configuration emptied":                 {"meta.inf", everything, 0, nil},
		"the configuration altered":                 {"meta.inf", oneBit, 0, nil},
		"the checksum of the configuration altered": {"meta.sum", oneBit, 0, nil},
	} {
		for end, sound := range map[string]string{"stopped": stopped, "killed": killed} {
			t.Run(name+", "+end, func(t *testing.T) {
				t.Parallel()
				dir := copied(t, sound)
				file := filepath.Join(streamDir(dir, Stream), test.file)
				if test.change == nil {
					require.NoError(t, os.RemoveAll(file))
				} else {
					edit(t, file, test.change)
				}
				requireRefused(t, dir, test.reached, test.want, name)
			})
		}
	}
}

func TestInspectRefusesABlockThatIsNotItself(t *testing.T) {
	t.Parallel()
	sound, _ := writtenStore(t)
	t.Run("of another number", func(t *testing.T) {
		t.Parallel()
		dir := copied(t, sound)
		require.NoError(t, os.Rename(blockFile(dir, 1), blockFile(dir, 3)))
		requireRefused(t, dir, 0, nil, "")
	})
	t.Run("in another stream", func(t *testing.T) {
		t.Parallel()
		dir := copied(t, sound)
		content, err := os.ReadFile(blockFile(dir, 2))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(streamDir(dir, IDStream), "msgs", "2.blk"), content, 0o600))
		requireRefused(t, dir, 0, nil, "")
	})
}

func TestInspectRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Dir(streamDir(dir, Stream))), 0o700))
	require.NoError(t, os.WriteFile(filepath.Dir(streamDir(dir, Stream)), nil, 0o600))
	require.Error(t, inspectData(dir, 0))
}
