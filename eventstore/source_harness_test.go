package eventstore

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// witness is a handler that has on record whatever it is given, and insists that it hangs together.
type witness struct {
	t     testing.TB
	store *Store

	mu       sync.Mutex
	messages []SourceMessage
	expired  []uint64
	missing  []bool // but for repeats
	rewinds  int
	record   map[int64]SourceMessage // the last of each stream
	stuck    bool                    // nothing goes on record
	away     bool                    // does not read while the stream is put back
}

// watched reads the projects from now on.
func watched(t testing.TB, s *Store, begin ...func(*witness)) *witness {
	t.Helper()
	w := &witness{t: t, store: s, record: make(map[int64]SourceMessage)}
	for _, b := range begin {
		b(w)
	}
	w.read()
	return w
}

// read starts a reader, which ends with the test or when stop is called.
func (w *witness) read() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		reader := &SourceReader{Store: w.store, Source: Projects, Handler: w, Log: slog.New(slog.DiscardHandler)}
		if err := reader.Read(ctx); err != context.Canceled {
			w.t.Errorf("the reader ended: %v", err)
		}
	})
	stop = func() { cancel(); reading.Wait() }
	w.t.Cleanup(stop)
	return stop
}

func (w *witness) Reached(_ context.Context, created time.Time) (uint64, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.record[created.UnixNano()]
	return m.Sequence, m.StoredAt, nil
}

func (w *witness) Rewind(_ context.Context, state SourceState) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewinds++
	delete(w.record, state.Created.UnixNano())
	return nil
}

func (w *witness) Handle(_ context.Context, m SourceMessage) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Stream != Projects.Stream || m.Created.IsZero() || m.Sequence <= m.Previous {
		w.t.Errorf("message %d of %q follows on %d", m.Sequence, m.Stream, m.Previous)
	}
	if n := len(w.messages); n > 0 && w.messages[n-1].Created.Equal(m.Created) && m.Previous != w.messages[n-1].Sequence && m.Previous != w.record[m.Created.UnixNano()].Sequence {
		w.t.Errorf("message %d follows on %d, and %d was read before it", m.Sequence, m.Previous, w.messages[n-1].Sequence)
	}
	w.messages = append(w.messages, m)
	if !w.stuck {
		w.record[m.Created.UnixNano()] = m
	}
	return nil
}

func (w *witness) Missing(missing bool) {
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
func withProjects(t testing.TB, change ...func(*jetstream.StreamConfig)) *Store {
	t.Helper()
	s := singleNode(t)
	makeProjects(t, s, change...)
	return s
}

func makeProjects(t testing.TB, s *Store, change ...func(*jetstream.StreamConfig)) {
	t.Helper()
	config := jetstream.StreamConfig{Name: Projects.Stream, Subjects: []string{Projects.Filter, "other.>"}, Replicas: s.config.Replicas}
	for _, c := range change {
		c(&config)
	}
	_, err := s.js.CreateStream(deadline(t), config)
	require.NoError(t, err)
}

func projects(t testing.TB, s *Store) jetstream.Stream {
	t.Helper()
	stream, err := s.js.Stream(deadline(t), Projects.Stream)
	require.NoError(t, err)
	return stream
}

// publish publishes n messages, whatever it takes, and answers the sequence of the last one.
func publish(t testing.TB, s *Store, subject string, n int) (last uint64) {
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
