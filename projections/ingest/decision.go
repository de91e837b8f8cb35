package ingest

import (
	"cmp"
	"fmt"

	"clients/domain"
	"clients/eventstore"
)

// decision is what a run of messages leads to, decided message by message on the directory and on what the messages
// before it have led to.
type decision struct {
	config  Config
	entries []eventstore.Entry
	reached uint64 // sequence in the source that the entries so far lead up to
	clients map[owned]*domain.State
	things  map[thing]*known
	repeats int // events that are known already
}

// owned is a client as an account asks for him: he need not be there.
type owned struct {
	account string
	id      int64
}

type thing struct {
	kind    domain.ReferenceKind
	account string
	id      int64
}

// known is what is known of a thing as the run goes on.
type known struct {
	client int64
	events map[string]bool // those of the run, and repeats of earlier ones
}

// decideRun decides a run up to the first message that cannot be used, and answers how many are before it and what is
// wrong with it.
func decideRun(config Config, run []*item) (d *decision, decided int, fault error) {
	d = &decision{
		config: config, clients: make(map[owned]*domain.State), things: make(map[thing]*known),
	}
	if len(run) > 0 {
		d.reached = run[0].message.Previous
	}
	for decided < len(run) && fault == nil {
		if fault = d.decide(run[decided]); fault == nil {
			decided++
		}
	}
	// Every fact says that what is before it has been dealt with: a message that teaches nothing needs one of its own
	// only where it is the last.
	if decided > 0 && !d.reaches(run[decided-1]) {
		d.add(domain.ReferenceEvent{Source: run[decided-1].fact.Source, StoredAt: run[decided-1].fact.StoredAt})
	}
	return d, decided, fault
}

// reaches reports whether the last entry says that i has been dealt with.
func (d *decision) reaches(i *item) bool {
	return len(d.entries) > 0 && d.entries[len(d.entries)-1].Reference.Source == i.fact.Source
}

// decide adds what a message leads to: nothing where it repeats what is known. A message that makes it panic cannot be
// used: those behind it need not suffer.
func (d *decision) decide(i *item) (fault error) {
	defer func() {
		if reason := recover(); reason != nil {
			fault = unusablef(Unreadable, "panic: %v", reason)
		}
	}()
	fact := i.fact
	i.subject = 0
	if i.fault != nil || fact.Kind == domain.NoReference {
		return i.fault
	}
	known := d.thing(fact)
	if known.repeats(fact) {
		d.repeats++
		return nil
	}
	fact, err := d.belongs(fact, known)
	if err != nil {
		return err
	}
	if err := d.follow(fact, headersOf(i)); err != nil {
		return err
	}
	d.add(fact)
	i.subject = fact.Subject
	known.client = cmp.Or(fact.ClientID, known.client)
	known.events[fact.EventID] = true
	return nil
}

// belongs finds out under which client the fact is kept, and refuses one whose client is not there.
func (d *decision) belongs(fact domain.ReferenceEvent, known *known) (domain.ReferenceEvent, error) {
	if fact.Operation == domain.Deleted && known.client != 0 { // whoever is said to have had it, it is gone
		fact.ClientID, fact.Subject = 0, known.client
		return fact, nil
	}
	fact.Subject = cmp.Or(fact.ClientID, known.client)
	switch {
	case fact.Subject == 0 && fact.Operation == domain.Created:
		return fact, unusablef(Unreadable, "it names no client_id")
	case fact.Subject == 0:
		return fact, unusablef(UnknownClient, "%s %d is not known, and the event names no client", fact.Kind, fact.ID)
	case d.client(fact.Account, fact.Subject).Client.Exists():
		return fact, nil
	case d.config.Directory.Deleted(fact.Subject):
		return fact, unusablef(DeletedClient, "client %d", fact.Subject)
	default:
		return fact, unusablef(UnknownClient, "client %d", fact.Subject)
	}
}

// follow adds the event by which the client's invoice defaults follow an invoice, where they change.
func (d *decision) follow(fact domain.ReferenceEvent, from headers) error {
	if fact.Kind != domain.Invoice || fact.Operation == domain.Deleted {
		return nil
	}
	state, invoice := d.client(fact.Account, fact.Subject), domain.FollowInvoice{Kind: fact.InvoiceKind, Timeframe: fact.InvoiceTimeframe}
	if fact.Late {
		invoice = d.config.Directory.LateDefaults(fact)
	}
	event, err := domain.Decide(state.Client, state.References, invoice)
	if err != nil || event == nil {
		return err
	}
	cause := cmp.Or(fact.CausationID, fmt.Sprintf("%s/%d", fact.Source.Stream, fact.Source.Sequence)) // without a ce-id, where it stands
	entry := eventstore.Entry{Event: &domain.Envelope{
		EventID:       d.config.NewEventID(),
		Account:       fact.Account,
		Event:         event,
		Version:       state.Client.Revision.Version + 1,
		Time:          d.config.Now(),
		Actor:         cmp.Or(from.actor, "invoices"),
		CorrelationID: cmp.Or(fact.CorrelationID, cause),
		CausationID:   cause,
		Traceparent:   from.traceparent,
	}}
	if last := state.LastSequence; last != 0 {
		entry.LastSequence = &last
		state.LastSequence = 0 // what follows in this run follows on this event
	}
	state.Client = domain.Evolve(state.Client, event)
	state.Client.Revision.Version++
	d.entries = append(d.entries, entry)
	return nil
}

func (d *decision) add(fact domain.ReferenceEvent) {
	fact.Replica = d.config.Replica
	if !fact.Late {
		fact.Previous, d.reached = d.reached, fact.Source.Sequence
	}
	d.entries = append(d.entries, eventstore.Entry{Reference: fact})
}

func (d *decision) client(account string, id int64) *domain.State {
	key := owned{account, id}
	state := d.clients[key]
	if state == nil {
		now := d.config.Directory.State(account, id)
		state = &now
		d.clients[key] = state
	}
	return state
}

func (d *decision) thing(fact domain.ReferenceEvent) *known {
	key := thing{fact.Kind, fact.Account, fact.ID}
	now := d.config.Directory.Item(fact.Kind, fact.Account, fact.ID)
	k := d.things[key]
	if k == nil {
		k = &known{client: now.Client, events: make(map[string]bool)}
		d.things[key] = k
	}
	if now.Seen(fact.EventID) || now.Seen(formerID(fact)) {
		k.events[fact.EventID] = true
	}
	return k
}

// repeats reports whether the event that a fact was learned from is known already.
func (k *known) repeats(fact domain.ReferenceEvent) bool {
	return fact.EventID != "" && k.events[fact.EventID]
}

// headers are what an event that follows from a message takes over from it.
type headers struct{ actor, traceparent string }

func headersOf(i *item) headers {
	event, _ := readEvent(i.message)
	return headers{actor: brief(event.actor), traceparent: cmp.Or(i.traceparent, plainTrace(event.traceparent))}
}
