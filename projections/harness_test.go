package projections

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// history makes the records of a stream as it is read back.
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

func (h *history) stray(account string, id int64) *history {
	h.records = append(h.records, eventstore.Record{
		Sequence: uint64(len(h.records) + 1), StoredAt: h.now, ClientID: id, Foreign: "no valid envelope", Envelope: domain.Envelope{Account: account},
	})
	return h
}

func quietDirectory(stream Log) *Directory {
	return NewDirectory(stream, slog.New(slog.DiscardHandler))
}

// folded is a directory that has seen the whole history.
func (h *history) folded() *Directory {
	h.t.Helper()
	d := quietDirectory(noStream{})
	require.NoError(h.t, d.apply(h.records))
	return d
}

// noStream has nothing to follow.
type noStream struct{}

func (noStream) LastSequence(context.Context) (uint64, error) { return 0, nil }
func (noStream) Tail(ctx context.Context, _ uint64, _ func([]eventstore.Record) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func names(l Listing) []string {
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
