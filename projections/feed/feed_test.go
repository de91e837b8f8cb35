package feed_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/feed"

	"github.com/stretchr/testify/require"
)

// stream is a stream in memory, whose messages a hub gets as they are stored.
type stream struct {
	mu      sync.Mutex
	records []eventstore.Record
	hub     *feed.Hub
	reads   int
	// repeated is the sequence of an event that does not count, of which only the read model knows. 0 for none.
	repeated uint64
}

func (s *stream) Messages(_ context.Context, account string, _ int64, after, upTo uint64) iter.Seq2[eventstore.Record, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	records := s.records
	return func(yield func(eventstore.Record, error) bool) {
		for _, r := range records {
			if r.Sequence > after && r.Sequence <= upTo && r.Account == account && !yield(r, nil) {
				return
			}
		}
	}
}

// store stores an event of an account, and foreign messages where it is "".
func (s *stream) store(accounts ...string) {
	s.mu.Lock()
	var batch []eventstore.Record
	for _, account := range accounts {
		r := eventstore.Record{Sequence: uint64(len(s.records) + 1), Envelope: domain.Envelope{Account: account, Version: 1, Event: domain.ClientCreated{ID: 7, Name: "SuprCorp"}}}
		if account == "" {
			r.Account, r.Event, r.Foreign = "acme", nil, "no valid envelope"
		}
		s.records = append(s.records, r)
		if r.Sequence == s.repeated {
			r.Foreign = "version 1 of client 7, which is at version 1"
		}
		batch = append(batch, r)
	}
	s.mu.Unlock()
	s.hub.Publish(batch)
}

const room = 10 << 10 // for fewer than ten events

func newStream() *stream {
	s := &stream{}
	s.hub = feed.NewHub(s, func(sequence uint64) bool { return sequence == s.repeated }, 0, room)
	return s
}

// rest returns the sequences of the events that a reader gets now.
func rest(t *testing.T, r *feed.Reader) (sequences []uint64) {
	t.Helper()
	for event, err := range r.CatchUp(t.Context()) {
		require.NoError(t, err)
		sequences = append(sequences, event.Sequence)
	}
	for {
		events, _, err := r.Take()
		require.NoError(t, err)
		if events == nil {
			return sequences
		}
		for _, event := range events {
			sequences = append(sequences, event.Sequence)
		}
	}
}

// Each of many slow readers holds a few events of its own, whatever the hub has dropped since.
func TestReadersTakeEventsOfFewBytesAtOnce(t *testing.T) {
	t.Parallel()
	s := &stream{}
	s.hub = feed.NewHub(s, func(uint64) bool { return false }, 0, 8<<20)
	r := s.hub.Open("acme", 0)
	defer r.Close()
	small, large := 500, 30<<10
	var batch []eventstore.Record
	for n := range 100 {
		size := small
		if n >= 80 {
			size = large
		}
		data := fmt.Appendf(nil, `{"details":%q}`, strings.Repeat("x", size))
		batch = append(batch, eventstore.Record{Sequence: uint64(n + 1), Data: data, Envelope: domain.Envelope{Account: "acme", Event: domain.ClientCreated{ID: 7}}})
	}
	s.hub.Publish(batch)
	for taken := 0; taken < 100; {
		events, _, err := r.Take()
		require.NoError(t, err)
		require.NotEmpty(t, events)
		bytes := 0
		for _, e := range events {
			taken++
			require.Equal(t, uint64(taken), e.Sequence)
			data, err := e.Encoded()
			require.NoError(t, err)
			bytes += 2 * len(data) // the event, and the text
		}
		require.LessOrEqual(t, bytes, max(64<<10, 3*large))
		if taken < 80 {
			require.Greater(t, len(events), 10)
		}
	}
}

func TestAReaderGetsEventsFromTheStreamAndFromMemory(t *testing.T) {
	t.Parallel()
	s := newStream()
	s.store("acme", "other", "", "acme")
	first := s.hub.Open("acme", 0)
	defer first.Close()
	s.store("acme")
	require.Equal(t, []uint64{1, 4, 5}, rest(t, first))
	second := s.hub.Open("acme", 1)
	defer second.Close()
	require.True(t, second.Behind())
	require.Equal(t, []uint64{4, 5}, rest(t, second))
	s.store("other", "acme", "")
	for _, r := range []*feed.Reader{first, second} {
		require.Equal(t, []uint64{7}, rest(t, r))
		require.Equal(t, uint64(8), r.Position(), "behind everything that is there")
	}
	third := s.hub.Open("acme", 5)
	defer third.Close()
	require.Equal(t, []uint64{7}, rest(t, third))
	require.Equal(t, 2, s.reads)
}

func TestAReaderIsWokenByEventsOfItsAccount(t *testing.T) {
	t.Parallel()
	s := newStream()
	r := s.hub.Open("acme", 0)
	defer r.Close()
	_, changed, err := r.Take()
	require.NoError(t, err)
	s.store("other", "")
	select {
	case <-changed:
		require.Fail(t, "woken for nothing")
	default:
	}
	s.store("acme")
	<-changed
	require.Equal(t, []uint64{3}, rest(t, r))
}

// The oldest events make room for new ones of any account. Only readers that have not taken them are too slow.
func TestAReaderThatFallsBehindEnds(t *testing.T) {
	t.Parallel()
	s := newStream()
	slow, quick, quiet := s.hub.Open("acme", 0), s.hub.Open("acme", 0), s.hub.Open("other", 0)
	for range 5 {
		s.store("acme")
	}
	require.Len(t, rest(t, quick), 5)
	for range 20 {
		s.store("other")
		require.Len(t, rest(t, quiet), 1)
	}
	_, _, err := slow.Take()
	require.ErrorIs(t, err, feed.ErrSlow)
	s.store("acme")
	require.Equal(t, []uint64{26}, rest(t, quick))
	again := s.hub.Open("acme", slow.Position())
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 26}, rest(t, again))
	for _, r := range []*feed.Reader{slow, quick, quiet, again} {
		r.Close()
	}
	s.store("acme")
	last := s.hub.Open("acme", 26)
	require.Equal(t, []uint64{27}, rest(t, last))
	last.Close()
}

func TestReadersEndWithTheHub(t *testing.T) {
	t.Parallel()
	s := newStream()
	ctx, cancel := s.hub.Open("acme", 0).Context(t.Context())
	defer cancel()
	require.NoError(t, ctx.Err())
	s.hub.Close()
	<-ctx.Done()
	late, cancel := s.hub.Open("acme", 0).Context(t.Context())
	defer cancel()
	<-late.Done()
}

// An event that does not count is left out, also by a reader that gets it from the stream.
func TestRepeatedEventsAreLeftOut(t *testing.T) {
	t.Parallel()
	s := newStream()
	s.repeated = 2
	live := s.hub.Open("acme", 0)
	s.store("acme", "acme", "acme")
	require.Equal(t, []uint64{1, 3}, rest(t, live))
	live.Close()
	require.Equal(t, []uint64{1, 3}, rest(t, s.hub.Open("acme", 0)))
	require.Equal(t, []uint64{3}, rest(t, s.hub.Open("acme", 1)))
}

// The events of an erased client are dropped from memory, and a reader that resumes gets its erasures alone.
func TestErasedEventsAreDroppedFromMemory(t *testing.T) {
	t.Parallel()
	s := newStream()
	slow := s.hub.Open("acme", 0)
	defer slow.Close()
	var batch []eventstore.Record
	for i, event := range []domain.Event{
		domain.ClientCreated{ID: 7, Name: "SuprCorp"}, domain.ClientCreated{ID: 8, Name: "Blinc"}, domain.ClientDeleted{ID: 7}, domain.ClientErased{ID: 7, Erased: []uint64{1}}, domain.ClientErased{ID: 7, Erased: []uint64{3}},
	} {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", event), "domain.")
		batch = append(batch, eventstore.Record{Sequence: uint64(i + 1), Type: kind, ClientID: event.Client(), Envelope: domain.Envelope{Account: "acme", Event: event}})
	}
	s.hub.Publish(batch[:3])
	require.Equal(t, []uint64{1, 2, 3}, rest(t, s.hub.Open("acme", 0)))
	s.hub.Publish(batch[3:])
	require.Equal(t, []uint64{2, 4, 5}, rest(t, s.hub.Open("acme", 0)))
	require.Equal(t, []uint64{2, 4, 5}, rest(t, slow))
	require.Zero(t, s.reads, "of the stream")
}
