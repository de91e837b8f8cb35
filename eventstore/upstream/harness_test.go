package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// system is a NATS system with a client of it.
type system struct {
	*upstream.Client
	nc       *nats.Conn
	js       jetstream.JetStream
	replicas int
}

func newSystem(t testing.TB, nc *nats.Conn, replicas int) *system {
	t.Helper()
	s := &system{nc: nc, replicas: replicas}
	var err error
	s.Client = upstream.New(nc)
	s.js, err = jetstream.New(nc)
	require.NoError(t, err)
	return s
}

func onServers(t testing.TB, servers int) *system {
	t.Helper()
	return newSystem(t, natstest.Run(t, servers).Connect(t, 0), servers)
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// witness is a handler that has each run on record, and checks that runs follow on each other.
type witness struct {
	t      testing.TB
	system *system

	mu       sync.Mutex
	messages []upstream.Message
	expired  []uint64
	missing  []bool // without repeats
	rewinds  int
	record   map[int64]upstream.Recorded // of each stream
	away     bool                        // does not read while the stream is restored
	reject   int                         // so many runs are rejected first
}

// watched reads the projects from now on.
func watched(t testing.TB, s *system, begin ...func(*witness)) *witness {
	t.Helper()
	w := newWitness(t, s)
	for _, b := range begin {
		b(w)
	}
	w.read()
	return w
}

func newWitness(t testing.TB, s *system) *witness {
	return &witness{t: t, system: s, record: make(map[int64]upstream.Recorded)}
}

// read starts a reader, which ends with the test or when stop is called.
func (w *witness) read() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		reader := &upstream.Reader{Client: w.system.Client, Stream: upstream.Projects, Handler: w, Log: slog.New(slog.DiscardHandler)}
		if err := reader.Read(ctx); err != context.Canceled {
			w.t.Errorf("the reader ended: %v", err)
		}
	})
	stop = func() { cancel(); reading.Wait() }
	w.t.Cleanup(stop)
	return stop
}

func (w *witness) Refresh(context.Context) error { return nil }

func (w *witness) Recorded(created time.Time) upstream.Recorded {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record[created.UnixNano()]
}

func (w *witness) Rewind(_ context.Context, created time.Time, generation int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewinds++
	w.record[created.UnixNano()] = upstream.Recorded{Generation: generation + 1}
	return nil
}

func (w *witness) Handle(_ context.Context, run []upstream.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reject > 0 {
		w.reject--
		return fmt.Errorf("rejected, %d more", w.reject)
	}
	for _, m := range run {
		record := w.record[m.Created.UnixNano()]
		if m.Stream != upstream.Projects.Name || m.Created.IsZero() || m.Sequence <= m.Previous || m.Previous != record.Sequence || m.Generation != record.Generation {
			w.t.Errorf("message %d of %q follows on %d in generation %d, and the record is %v", m.Sequence, m.Stream, m.Previous, m.Generation, record)
		}
		w.messages = append(w.messages, m)
		w.record[m.Created.UnixNano()] = upstream.Recorded{Sequence: m.Sequence, StoredAt: m.StoredAt, Generation: m.Generation}
	}
	return nil
}

func (w *witness) Missing(reason error) {
	missing := errors.Is(reason, upstream.ErrMissing)
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.missing); n == 0 || w.missing[n-1] != missing {
		w.missing = append(w.missing, missing)
	}
}

func (w *witness) Expired(messages uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expired = append(w.expired, messages)
}

// seen is what was read in short: the sequences, and "gone" before those that are.
func (w *witness) seen() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		gone := ""
		if m.Gone {
			gone = "gone "
		}
		all = append(all, fmt.Sprint(gone, m.Sequence))
	}
	return all
}

// sees waits until exactly that was read.
func (w *witness) sees(want ...string) {
	w.t.Helper()
	if !settles(func() bool { return len(w.seen()) >= len(want) }) {
		w.t.Logf("that took too long")
	}
	require.Equal(w.t, want, w.seen())
}

// settles waits until a condition holds.
func settles(condition func() bool) bool {
	for begun := time.Now(); time.Since(begun) < time.Minute; <-time.After(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}

func (w *witness) expirations() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]uint64(nil), w.expired...)
}

// span are the sequences first to last.
func span(first, last int) (all []string) {
	for n := first; n <= last; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return all
}

// withProjects opens a store beside a stream of projects.
func withProjects(t testing.TB, change ...func(*jetstream.StreamConfig)) *system {
	t.Helper()
	s := onServers(t, 1)
	makeProjects(t, s, change...)
	return s
}

func makeProjects(t testing.TB, s *system, change ...func(*jetstream.StreamConfig)) {
	t.Helper()
	config := jetstream.StreamConfig{Name: upstream.Projects.Name, Subjects: []string{upstream.Projects.Filter, "other.>"}, Replicas: s.replicas}
	for _, c := range change {
		c(&config)
	}
	natstest.CreateStream(t, s.js, config)
}

func projects(t testing.TB, s *system) jetstream.Stream {
	t.Helper()
	var stream jetstream.Stream
	require.True(t, settles(func() bool { // what is sent during an election may get no response
		attempt, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var err error
		stream, err = s.js.Stream(attempt, upstream.Projects.Name)
		return err == nil
	}))
	return stream
}

// publish publishes n messages, with retries, and returns the sequence of the last one.
func publish(t testing.TB, s *system, subject string, n int) (last uint64) {
	t.Helper()
	for range n {
		id := uuid.NewString()
		require.True(t, settles(func() bool {
			attempt, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			ack, err := s.js.Publish(attempt, subject, []byte("{}"), jetstream.WithMsgID(id))
			if err == nil {
				last = ack.Sequence
			}
			return err == nil
		}))
	}
	return last
}
