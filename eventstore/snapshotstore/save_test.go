package snapshotstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestReplicasThatSaveAtOnceDoNotHarmEachOther(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	var all sync.WaitGroup
	for i := range 3 {
		s := newShelf(t, cluster.Connect(t, i), 3)
		all.Go(func() {
			for range 5 {
				if err := s.saveWith(deadline(t), mark(1), text(strings.Repeat(fmt.Sprint(i), 300_000))); err != nil {
					require.ErrorIs(t, err, snapshotstore.ErrGone, "others have saved two meanwhile")
				}
			}
		})
	}
	all.Wait()
	s := newShelf(t, cluster.Connect(t, 0), 3)
	kept := s.list()
	require.NotEmpty(t, kept)
	for _, snapshot := range kept {
		content, err := s.read(snapshot)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(content[:1], 300_000), content)
	}
}

func TestSaveFailsWhenAnotherWriterUsesItsSubject(t *testing.T) {
	t.Parallel()
	s := newShelf(t, natstest.Run(t, 1).Connect(t, 0), 1)
	s.save(1, "before")
	before := s.chunks()
	err := s.saveWith(deadline(t), mark(2), func(w io.Writer) error {
		_, err := w.Write(make([]byte, chunkSize))
		require.NoError(t, err)
		require.NoError(t, text("x")(w)) // so that the chunk before is sent
		require.Eventually(t, func() bool { return len(s.chunks()) == 2 }, 5*time.Second, time.Millisecond)
		for subject := range s.chunks() {
			if before[subject] == 0 {
				_, err := s.js.Publish(deadline(t), subject, []byte("of another writer"))
				require.NoError(t, err)
			}
		}
		return text("end")(w)
	})
	require.ErrorContains(t, err, "wrong last sequence")
	require.Equal(t, []uint64{1}, s.sequences())
	content, err := s.read(s.list()[0])
	require.NoError(t, err)
	require.Equal(t, "before", content)
	require.Equal(t, before, s.chunks(), "nothing of it is left")
}

// A bucket is deleted to get rid of content, which a save under way must not bring into the next one.
func TestSaveStoresNothingInABucketThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 3} {
		nc := natstest.Run(t, replicas).Connect(t, 0)
		s := newShelf(t, nc, replicas)
		again := func() {
			require.NoError(t, s.Delete(deadline(t)))
			require.NoError(t, s.Delete(deadline(t)))
			require.NoError(t, s.Ensure(deadline(t)))
		}
		for when, save := range map[string]func() error{
			"before the first chunk": func() error {
				_, err := s.Save(deadline(t), func(_ context.Context, w io.Writer) (eventstore.Checkpoint, error) {
					again()
					return mark(1), text("content")(w)
				})
				return err
			},
			"between chunks": func() error {
				return s.saveWith(deadline(t), mark(1), func(w io.Writer) error {
					_, err := w.Write(make([]byte, 2*chunkSize))
					require.NoError(t, err)
					again()
					return text("content")(w)
				})
			},
		} {
			require.Error(t, save(), when)
			require.Zero(t, s.stream().CachedInfo().State.Bytes, when)
		}
		s.save(2, "content")
		require.Equal(t, []uint64{2}, s.sequences())
	}
}

func TestASnapshotThatIsSavedDuringAnElectionIsRight(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	nc := cluster.Connect(t, 0)
	s := newShelf(t, nc, 3)
	stepDown := func() { _, _ = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+snapshotstore.Stream, nil, time.Second) }
	saved := 0
	for round := 0; saved < 3; round++ {
		require.Less(t, round, 20)
		content := strings.Repeat(fmt.Sprintf("round %02d.", round), chunkSize)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		err := s.saveWith(ctx, mark(uint64(round+1)), func(w io.Writer) error {
			if round%2 == 0 {
				stepDown()
			}
			return text(content)(w)
		})
		cancel()
		if err == nil {
			saved++
		}
		var all []snapshotstore.Snapshot
		require.Eventually(t, func() bool {
			var failed error
			all, failed = s.List(deadline(t))
			return failed == nil
		}, 20*time.Second, 20*time.Millisecond)
		if err != nil && (len(all) == 0 || all[0].Sequence != uint64(round+1)) {
			continue
		}
		require.Eventually(t, func() bool {
			got, readErr := s.read(all[0])
			return err != nil && errors.Is(readErr, snapshotstore.ErrDamaged) || got == content
		}, 20*time.Second, 20*time.Millisecond, "round %d: %v", round, err)
	}
}

func TestSaveReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := newShelf(t, nc, 1)
	t.Cleanup(network.Heal)
	for _, when := range []string{"before", "meanwhile"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if when == "before" {
			network.Hold("service")
		}
		begun := time.Now()
		err := s.saveWith(ctx, mark(1), func(w io.Writer) error {
			network.Hold("service")
			_, err := w.Write(make([]byte, 2*chunkSize))
			return err
		})
		require.ErrorIs(t, err, context.DeadlineExceeded, when)
		require.Less(t, time.Since(begun), 4*time.Second, when) // nats.go waits for 5 s
		cancel()
		network.Heal()
	}
}

func TestSaveFailsSoonIfAnAcknowledgementIsLost(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	nc, err := nats.Connect(network.URL("service", natstest.Run(t, 1)), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := newShelf(t, nc, 1)
	t.Cleanup(network.Heal)
	begun := time.Now()
	err = s.saveWith(deadline(t), mark(1), func(w io.Writer) error {
		network.Hold("service")
		time.AfterFunc(300*time.Millisecond, func() {
			network.Cut("service")
			network.Heal()
		})
		_, err := w.Write(make([]byte, 2*chunkSize))
		return err
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begun), 30*time.Second)
	s.save(2, "content")
}
