package embedded_test

import (
	"testing"
	"time"

	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// A start accepts exactly those gaps that a record in the files accounts for: of messages that are overwritten, and of a whole
// block of them, of which the files show no trace.
func TestAStartAcceptsWhatWasRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		removed, deleted []uint64
		want             error
	}{
		"removed":                         {[]uint64{1, 3, 5}, []uint64{1, 3, 5}, nil},
		"not deleted yet":                 {[]uint64{1, 3, 5}, []uint64{3}, nil},
		"one that is not accounted for":   {[]uint64{1, 3}, []uint64{1, 3, 4}, eventstore.ErrIncomplete},
		"the record, too":                 {[]uint64{1, 3}, []uint64{1, 3, 6}, eventstore.ErrIncomplete},
		"one behind the record":           {[]uint64{3, 7}, []uint64{3, 7}, eventstore.ErrIncomplete},
		"none, and a record that has one": {[]uint64{2}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			killed := serve(t, dir, func(s *service) {
				s.create(5)
				s.remove(c.removed...) // 6
				s.create(1)
				s.delete(c.deleted...)
			})
			for _, dir := range []string{dir, killed} {
				server, err := start(t, dir)
				require.ErrorIs(t, err, c.want)
				if c.want == nil {
					server.Shutdown()
				}
			}
		})
	}
	t.Run("a whole block", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		serve(t, dir, func(s *service) {
			s.large(200) // more than two blocks
			sequences := make([]uint64, 180)
			for i := range sequences {
				sequences[i] = uint64(i + 1)
			}
			s.remove(sequences...)
			s.delete(sequences...)
		})
		require.NoFileExists(t, eventBlock(dir, "1"))
		serve(t, dir, func(s *service) { require.EqualValues(t, 181, s.state(eventstore.Stream).FirstSeq) })
	})
}

func (s *service) remove(sequences ...uint64) {
	s.t.Helper()
	removal := eventstore.Removal{Reason: "a test"}
	for _, sequence := range sequences {
		removal.Messages = append(removal.Messages, eventstore.RemovedMessage{Sequence: sequence, StoredAt: time.Now()})
	}
	require.NoError(s.t, eventstore.AppendRemoval(deadline(s.t), s.nc, removal))
}

func (s *service) delete(sequences ...uint64) {
	s.t.Helper()
	stream, err := s.js.Stream(deadline(s.t), eventstore.Stream)
	require.NoError(s.t, err)
	for _, sequence := range sequences {
		require.NoError(s.t, stream.SecureDeleteMsg(deadline(s.t), sequence))
	}
}
