package embedded_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clients/eventstore"
	"clients/eventstore/blockfile"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// filledStore returns the data directory of a server that has stopped, or was killed: two blocks of events, and ids.
func filledStore(t *testing.T) (stopped, killed string) {
	t.Helper()
	stopped = t.TempDir()
	killed = serve(t, stopped, func(s *service) {
		s.create(2)
		s.large(100)
		s.create(2)
		for range 3 {
			_, err := s.NextID(deadline(t), 0)
			require.NoError(t, err)
		}
	})
	require.FileExists(t, eventBlock(killed, "2"))
	return stopped, killed
}

func eventBlock(dir, number string) string {
	return filepath.Join(streamDir(dir, eventstore.Stream), "msgs", number+".blk")
}

// damage changes a file. If it is nil the file is removed.
type damage func(content []byte) []byte

func flip(at float64) damage {
	return func(content []byte) []byte { content[int(at*float64(len(content)-1))] ^= 1; return content }
}

func shorten(by int) damage { return func(content []byte) []byte { return content[:len(content)-by] } }

func empty([]byte) []byte { return nil }

// cutOut removes the second record of a block.
func cutOut(block []byte) []byte {
	size := func(r []byte) int { return int(binary.LittleEndian.Uint32(r) &^ (1 << 31)) }
	first := size(block)
	return slices.Delete(block, first, first+size(block[first:]))
}

func TestADamagedStoreIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	const older, newest, idBlock, mark = "CLIENTS/msgs/1.blk", "CLIENTS/msgs/2.blk", "CLIENTS_IDS/msgs/1.blk", "../../../../high-water"
	sound, _ := filledStore(t)
	for name, c := range map[string]struct {
		file   string
		damage damage
		noMark bool
		want   error // nil: a *blockfile.DamagedError
	}{
		"a bit of the first message":   {file: older, damage: flip(0)},
		"a bit in the middle":          {file: older, damage: flip(.5)},
		"a bit of the older block":     {file: older, damage: flip(1)},
		"a bit of the newest block":    {file: newest, damage: flip(.5)},
		"a bit of the last message":    {file: newest, damage: flip(1)},
		"a bit of an id":               {file: idBlock, damage: flip(.5)},
		"a bit of the mark":            {file: mark, damage: flip(.5)},
		"the older block cut short":    {file: older, damage: shorten(1)},
		"the older block emptied":      {file: older, damage: empty, want: eventstore.ErrIncomplete},
		"the older block gone":         {file: older, want: eventstore.ErrIncomplete},
		"the older block gone, marked": {file: older, want: eventstore.ErrIncomplete, noMark: true},
		"a message cut out":            {file: older, damage: cutOut, want: eventstore.ErrIncomplete},
		"the newest block cut short":   {file: newest, damage: shorten(1), want: eventstore.ErrWentBackwards},
		"the newest block emptied":     {file: newest, damage: empty, want: eventstore.ErrWentBackwards},
		"the newest block gone":        {file: newest, want: eventstore.ErrWentBackwards},
		"all blocks gone":              {file: "CLIENTS/msgs", want: eventstore.ErrWentBackwards},
		"the stream gone":              {file: "CLIENTS", want: eventstore.ErrWentBackwards},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, sound)
			file := streamDir(dir, c.file)
			if c.damage == nil {
				require.NoError(t, os.RemoveAll(file))
			} else {
				edit(t, file, c.damage)
			}
			if c.noMark {
				require.NoError(t, os.Remove(filepath.Join(dir, "high-water")))
			}
			before := files(t, dir)
			_, err := start(t, dir)
			require.Equal(t, before, files(t, dir))
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				return
			}
			var damaged *blockfile.DamagedError
			require.ErrorAs(t, err, &damaged)
			require.Equal(t, filepath.Clean(file), damaged.File)
		})
	}
}

// A crash in the middle of a write leaves part of a message that was not acknowledged.
func TestATruncatedMessageAfterACrashIsNoDamage(t *testing.T) {
	t.Parallel()
	_, killed := filledStore(t)
	more := func(content []byte) []byte { return append(content, content[:100]...) }
	for name, c := range map[string]struct {
		damage damage
		noMark bool // the high-water mark is removed
		last   uint64
	}{
		"one more message": {damage: more, last: 104}, "the last message": {damage: shorten(1), noMark: true, last: 103},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, killed)
			edit(t, eventBlock(dir, "2"), c.damage)
			if c.noMark {
				require.NoError(t, os.Remove(filepath.Join(dir, "high-water")))
			}
			serve(t, dir, func(s *service) {
				require.Equal(t, c.last, s.server.HighWater.Sequence())
				require.Equal(t, c.last, s.last())
			})
		})
	}
}

// The service never removes events, so a store without some is incomplete, whatever removed them.
func TestAStoreWithoutSomeEventsIsRefused(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]jetstream.StreamPurgeOpt{
		"the first events": jetstream.WithPurgeSequence(3), "all but the last": jetstream.WithPurgeKeep(1), "all but some": jetstream.WithPurgeKeep(5),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			killed := serve(t, dir, func(s *service) {
				s.create(10)
				stream, err := s.js.Stream(deadline(t), eventstore.Stream)
				require.NoError(t, err)
				require.NoError(t, stream.Purge(deadline(t), option))
			})
			for _, dir := range []string{dir, killed} {
				require.ErrorIs(t, opened(t, dir), eventstore.ErrIncomplete)
			}
		})
	}
}
