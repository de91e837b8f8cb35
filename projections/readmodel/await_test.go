package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"

	"github.com/stretchr/testify/require"
)

// stream delivers batches of messages to a directory.
type stream struct {
	batches chan []eventstore.Record
	folded  chan error
	last    func(context.Context) (uint64, error)
}

func (s stream) LastSequence(ctx context.Context) (uint64, error) { return s.last(ctx) }

func (s stream) Tail(ctx context.Context, _ uint64, apply func([]eventstore.Record) error) error {
	for {
		select {
		case batch := <-s.batches:
			s.folded <- apply(batch)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// create stores clients with the ids from first to last, each at the sequence of its id.
func (s stream) create(t *testing.T, first, last uint64) {
	t.Helper()
	var batch []eventstore.Record
	for id := first; id <= last; id++ {
		batch = append(batch, eventstore.Record{Sequence: id, ClientID: int64(id), Envelope: domain.Envelope{
			Account: "acme", Version: 1, Event: domain.ClientCreated{ID: int64(id), Name: fmt.Sprint("Client ", id)},
		}})
	}
	s.batches <- batch
	require.NoError(t, <-s.folded)
}

var quiet = slog.New(slog.DiscardHandler)

// following returns a directory that follows a stream, whose leader returns what last returns.
func following(t *testing.T, last func(context.Context) (uint64, error)) (*readmodel.Directory, stream) {
	s := stream{batches: make(chan []eventstore.Record), folded: make(chan error), last: last}
	d := readmodel.NewDirectory(s, quiet)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Follow(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return d, s
}

func TestAwaitReturnsAsSoonAsTheSequenceShows(t *testing.T) {
	d, s := following(t, nil)
	require.NoError(t, d.Await(t.Context(), 0))
	shown := make(chan int, 2)
	for _, sequence := range []uint64{2, 1} {
		go func() {
			_ = d.Await(t.Context(), sequence)
			shown <- d.List("acme").Len
		}()
	}
	require.Eventually(t, func() bool { return d.Waiting() == 2 }, 5*time.Second, time.Millisecond)
	s.create(t, 1, 1)
	require.Equal(t, 1, <-shown)
	s.create(t, 2, 2)
	require.Equal(t, 2, <-shown)
	require.NoError(t, d.Await(t.Context(), 2))
}

// Calls that were cancelled are removed, even if the stream does not continue.
func TestAwaitEndsWithItsContext(t *testing.T) {
	d, s := following(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var left, staying sync.WaitGroup
	for sequence := range uint64(100) {
		left.Go(func() {
			if err := d.Await(ctx, 1+sequence%7); !errors.Is(err, context.Canceled) {
				t.Errorf("Await: %v", err)
			}
		})
	}
	for range 3 {
		staying.Go(func() { _ = d.Await(t.Context(), 1) })
	}
	require.Eventually(t, func() bool { return d.Waiting() == 103 }, 5*time.Second, time.Millisecond)
	cancel()
	left.Wait()
	require.Equal(t, 3, d.Waiting())
	s.create(t, 1, 1)
	staying.Wait()
	require.Zero(t, d.Waiting())
}

// A read of the only process that stores events waits for what that process has acknowledged, even if a wait for that was given up.
func TestAwaitOwnWaitsForWhatWasAwaited(t *testing.T) {
	d, s := following(t, nil)
	require.NoError(t, d.AwaitOwn(t.Context()))
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	require.ErrorIs(t, d.Await(given, 2), context.Canceled)
	reads := make(chan error)
	go func() { reads <- d.AwaitOwn(t.Context()) }()
	require.Eventually(t, func() bool { return d.Waiting() == 1 }, 5*time.Second, time.Millisecond)
	s.create(t, 1, 1)
	require.Equal(t, 1, d.Waiting())
	s.create(t, 2, 2)
	require.NoError(t, <-reads)
}

// brokenStream cannot be followed from the moment when it is closed.
type brokenStream struct {
	closed chan struct{}
	err    error
}

func (b brokenStream) LastSequence(context.Context) (uint64, error) { return 7, nil }
func (b brokenStream) Tail(context.Context, uint64, func([]eventstore.Record) error) error {
	<-b.closed
	return b.err
}

func TestEveryWaitEndsWhenTheStreamCannotBeFollowed(t *testing.T) {
	broken := brokenStream{closed: make(chan struct{}), err: errors.New("broken")}
	d := readmodel.NewDirectory(broken, quiet)
	ended, waiting := make(chan error, 1), make(chan error, 1)
	_, changed := d.Reached("PROJECTS", time.Time{})
	go func() { ended <- d.Follow(t.Context()) }()
	go func() { waiting <- d.Refresh(t.Context()) }()
	close(broken.closed)
	require.ErrorIs(t, <-ended, broken.err)
	require.ErrorIs(t, <-waiting, broken.err)
	<-changed
	require.ErrorIs(t, d.Refresh(t.Context()), broken.err)
	require.ErrorIs(t, d.AwaitOwn(t.Context()), broken.err)
	require.ErrorIs(t, d.Err(), broken.err)
}
