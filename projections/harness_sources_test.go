package projections_test

import (
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// sources creates the reference events that one replica records.
type sources struct {
	history *history
	streams map[string]*sourceStream // by name
	events  int
}

// sourceStream is how far a stream of another service was read.
type sourceStream struct {
	created  time.Time
	sequence uint64
	round    int
}

func (s *sources) stream(name string) *sourceStream {
	if s.streams[name] == nil {
		s.streams[name] = &sourceStream{created: s.history.now}
	}
	return s.streams[name]
}

// placed sets the next position of a reference event in its stream, and an event id if it has none.
func (s *sources) placed(f domain.ReferenceEvent) domain.ReferenceEvent {
	name := "PROJECTS"
	if f.Kind == domain.Invoice {
		name = "INVOICES"
	}
	stream := s.stream(name)
	stream.sequence++
	s.events++
	f.Source = domain.Position{Stream: name, Created: stream.created, Sequence: stream.sequence, Generation: stream.round}
	f.StoredAt = s.history.now.Add(time.Duration(stream.sequence) * time.Second)
	if f.EventID == "" {
		f.EventID = fmt.Sprintf("event-%d", s.events)
	}
	if f.Account == "" {
		f.Account = "acme"
	}
	if f.Replica == "" {
		f.Replica = "a"
	}
	f.Subject = max(f.ClientID, 1)
	return f
}

// record stores a reference event unchanged.
func (s *sources) record(f domain.ReferenceEvent) {
	s.history.records = append(s.history.records, eventstore.Record{
		Sequence: uint64(len(s.history.records) + 1), StoredAt: s.history.now, Reference: &f,
	})
}

// learned stores the reference event of the next message of a stream.
func (s *sources) learned(f domain.ReferenceEvent) domain.ReferenceEvent {
	f = s.placed(f)
	s.record(f)
	return f
}

// passed stores the position of the next message of a stream alone.
func (s *sources) passed(f domain.ReferenceEvent) domain.ReferenceEvent {
	f = s.placed(f)
	s.record(domain.ReferenceEvent{Source: f.Source, StoredAt: f.StoredAt, Replica: f.Replica})
	return f
}

// repeated stores a reference event once more, as a slow replica does.
func (s *sources) repeated(f domain.ReferenceEvent) {
	f.Replica = "slow"
	s.record(f)
}

// restore starts a generation of a stream.
func (s *sources) restore(name string) domain.ReferenceEvent {
	stream := s.stream(name)
	stream.round, stream.sequence = stream.round+1, 0
	f := domain.ReferenceEvent{
		Source: domain.Position{Stream: name, Created: stream.created, Generation: stream.round}, Operation: domain.Rewound, Replica: "a",
	}
	s.record(f)
	return f
}

// recreate replaces a stream.
func (s *sources) recreate(name string) {
	s.history.now = s.history.now.Add(time.Hour)
	s.streams[name] = &sourceStream{created: s.history.now}
}

func (s *sources) folded() *directory { return s.history.folded() }

func created(kind domain.ReferenceKind, id, client int64) domain.ReferenceEvent {
	f := domain.ReferenceEvent{Kind: kind, Operation: domain.Created, ID: id, ClientID: client}
	if kind == domain.Project {
		f.Active = new(true)
	}
	return f
}

func switched(id int64, active bool) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: domain.Project, Operation: domain.Changed, ID: id, Active: &active}
}

// switchedOf returns a switch that also names the client.
func switchedOf(id int64, active bool, client int64) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: domain.Project, Operation: domain.Changed, ID: id, Active: &active, ClientID: client}
}

func moved(kind domain.ReferenceKind, id, client int64) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: kind, Operation: domain.Changed, ID: id, ClientID: client}
}

func deleted(kind domain.ReferenceKind, id int64) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: kind, Operation: domain.Deleted, ID: id}
}

func invoiced(id, client int64, kind, timeframe string) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: domain.Invoice, Operation: domain.Created, ID: id, ClientID: client, InvoiceKind: kind, InvoiceTimeframe: timeframe}
}
