package projections_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/references"

	"github.com/stretchr/testify/require"
)

// history creates the records of a stream.
type history struct {
	t        testing.TB
	records  []eventstore.Record
	versions map[int64]uint64
	now      time.Time
}

func newHistory(t testing.TB) *history {
	return &history{t: t, versions: make(map[int64]uint64), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

// at sets the clock of the stream's leader.
func (h *history) at(clock string) *history {
	now, err := time.Parse(time.DateTime, "2026-11-23 "+clock)
	require.NoError(h.t, err)
	h.now = now
	return h
}

func (h *history) happened(account string, event domain.Event) *history {
	id := event.Client()
	h.versions[id]++
	sequence := uint64(len(h.records) + 1)
	h.records = append(h.records, eventstore.Record{
		Sequence: sequence, StoredAt: h.now, ClientID: id, Checksum: 1000 + sequence,
		Envelope: domain.Envelope{Account: account, Event: event, Version: h.versions[id]},
	})
	return h
}

func (h *history) created(account string, id int64, name string) *history {
	return h.happened(account, domain.ClientCreated{ID: id, Name: name, Currency: "Euro - EUR", Active: true})
}

func (h *history) renamed(account string, id int64, name string) *history {
	return h.happened(account, domain.ClientUpdated{ID: id, Name: &name})
}

func (h *history) foreign(account string, id int64) *history {
	h.records = append(h.records, eventstore.Record{
		Sequence: uint64(len(h.records) + 1), StoredAt: h.now, ClientID: id, Foreign: "no valid envelope", Envelope: domain.Envelope{Account: account},
	})
	return h
}

// again stores a copy of the nth message, as an event that its client already has.
func (h *history) again(n int) *history {
	r := h.records[n]
	r.Sequence, r.StoredAt = uint64(len(h.records)+1), h.now
	r.Checksum += 1000
	h.records = append(h.records, r)
	return h
}

// directory follows what is applied to it.
type directory struct {
	*readmodel.Directory
	stream
}

// stream delivers batches of messages to a directory.
type stream struct {
	batches chan []eventstore.Record
	folded  chan error
}

func (s stream) LastSequence(context.Context) (uint64, error) { return 0, nil }

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

// apply folds a batch of messages.
func (s stream) apply(batch []eventstore.Record) error {
	s.batches <- slices.Clone(batch) // the directory marks foreign messages in it
	return <-s.folded
}

func newDirectory(t testing.TB) *directory { return limited(t, references.DefaultLimits()) }

// limited returns a directory with limits on the references that it remembers.
func limited(t testing.TB, limits references.Limits) *directory {
	return of(t, readmodel.NewModelWithin(limits))
}

// of returns a directory that continues from a model.
func of(t testing.TB, m *readmodel.Model) *directory {
	s := stream{make(chan []eventstore.Record), make(chan error)}
	d := &directory{readmodel.NewDirectory(s, slog.New(slog.DiscardHandler)), s}
	d.Restore(m)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Directory.Follow(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return d
}

// folded returns a directory that has seen the whole history.
func (h *history) folded() *directory {
	h.t.Helper()
	d := newDirectory(h.t)
	require.NoError(h.t, d.apply(h.records))
	return d
}

func names(l readmodel.Listing) []string {
	all := []string{}
	for c := range l.Clients() {
		all = append(all, c.Name)
	}
	return all
}

func at(t testing.TB, clock string) time.Time {
	t.Helper()
	return newHistory(t).at(clock).now
}
