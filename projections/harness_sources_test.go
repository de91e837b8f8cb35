package projections

import (
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// sources makes the facts that one replica records of the streams of other services.
type sources struct {
	history *history
	streams map[string]*sourceStream // by name
	events  int
}

// sourceStream is where one of them stands.
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

// placed gives a fact the next place in its stream, and an event of its own where it names none.
func (s *sources) placed(f domain.Fact) domain.Fact {
	name := "PROJECTS"
	if f.Thing == domain.Invoice {
		name = "INVOICES"
	}
	stream := s.stream(name)
	stream.sequence++
	s.events++
	f.Source = domain.Position{Stream: name, Created: stream.created, Sequence: stream.sequence, Round: stream.round}
	f.StoredAt = s.history.now.Add(time.Duration(stream.sequence) * time.Second)
	if f.EventID == "" {
		f.EventID = fmt.Sprintf("event-%d", s.events)
	}
	if f.Account == "" {
		f.Account = "acme"
	}
	if f.Recorder == "" {
		f.Recorder = "a"
	}
	f.Subject = max(f.ClientID, 1)
	return f
}

// record stores a fact as it is.
func (s *sources) record(f domain.Fact) {
	s.history.records = append(s.history.records, eventstore.Record{
		Sequence: uint64(len(s.history.records) + 1), StoredAt: s.history.now, Fact: &f,
	})
}

// learned stores what the next message of a stream says.
func (s *sources) learned(f domain.Fact) domain.Fact {
	f = s.placed(f)
	s.record(f)
	return f
}

// passed stores that the next message of a stream was dealt with, and nothing of what it says.
func (s *sources) passed(f domain.Fact) domain.Fact {
	f = s.placed(f)
	s.record(domain.Fact{Source: f.Source, StoredAt: f.StoredAt, Recorder: f.Recorder})
	return f
}

// repeated stores a fact once more, as another replica does that was slow.
func (s *sources) repeated(f domain.Fact) {
	f.Recorder = "slow"
	s.record(f)
}

// putBack begins a round of a stream.
func (s *sources) putBack(name string) domain.Fact {
	stream := s.stream(name)
	stream.round, stream.sequence = stream.round+1, 0
	f := domain.Fact{
		Source: domain.Position{Stream: name, Created: stream.created, Round: stream.round}, Change: domain.Rewound, Recorder: "a",
	}
	s.record(f)
	return f
}

// madeAgain replaces a stream.
func (s *sources) madeAgain(name string) {
	s.history.now = s.history.now.Add(time.Hour)
	s.streams[name] = &sourceStream{created: s.history.now}
}

func (s *sources) folded() *Directory { return s.history.folded() }

func created(kind domain.Thing, id, client int64) domain.Fact {
	f := domain.Fact{Thing: kind, Change: domain.Created, ID: id, ClientID: client}
	if kind == domain.Project {
		f.Active = new(true)
	}
	return f
}

func switched(id int64, active bool) domain.Fact {
	return domain.Fact{Thing: domain.Project, Change: domain.Changed, ID: id, Active: &active}
}

// switchedOf is a switch that names the client, too.
func switchedOf(id int64, active bool, client int64) domain.Fact {
	return domain.Fact{Thing: domain.Project, Change: domain.Changed, ID: id, Active: &active, ClientID: client}
}

func moved(kind domain.Thing, id, client int64) domain.Fact {
	return domain.Fact{Thing: kind, Change: domain.Changed, ID: id, ClientID: client}
}

func deleted(kind domain.Thing, id int64) domain.Fact {
	return domain.Fact{Thing: kind, Change: domain.Deleted, ID: id}
}

func invoiced(id, client int64, kind, timeframe string) domain.Fact {
	return domain.Fact{Thing: domain.Invoice, Change: domain.Created, ID: id, ClientID: client, InvoiceKind: kind, InvoiceTimeframe: timeframe}
}
