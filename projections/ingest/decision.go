package ingest

import (
	"cmp"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// decision is what a run leads to, decided message by message on the directory and on the messages before it in the run.
type decision struct {
	config     Config
	entries    []eventstore.Entry
	reached    uint64 // sequence up to which the entries so far record the stream
	clients    map[key]*domain.State
	references map[key]*known
	duplicates int // messages whose event is known
}

// key is a project or invoice, or a client if it has no kind. It need not exist.
type key struct {
	kind    domain.ReferenceKind
	account string
	id      int64
}

// known is what is known of a project or invoice after the messages of the run so far.
type known struct {
	client    int64
	hasActive bool            // see references.Item
	hasOrigin bool            // see references.Item
	events    map[string]bool // of the run, and duplicates of earlier ones
}

// decideRun decides a run. It marks the messages that are poison.
func decideRun(config Config, run []*item) *decision {
	d := &decision{config: config, reached: run[0].message.Previous, clients: make(map[key]*domain.State), references: make(map[key]*known)}
	for _, i := range run {
		i.subject = 0
		if i.poison = i.unreadable; i.poison == nil {
			i.poison = guard(func() *Poison { return d.decide(i) })
		}
	}
	// Each reference event records that the messages before it are processed, so one without a message of its own is needed
	// only at the end.
	last := run[len(run)-1].event
	if n := len(d.entries); n == 0 || d.entries[n-1].Reference.Source != last.Source {
		d.add(domain.ReferenceEvent{Source: last.Source, StoredAt: last.StoredAt})
	}
	return d
}

// decide adds what a message leads to: nothing for a duplicate.
func (d *decision) decide(i *item) *Poison {
	event := i.event
	if event.Kind == domain.NoReference {
		return nil
	}
	known := d.reference(event)
	if event.EventID != "" && known.events[event.EventID] {
		d.duplicates++
		return nil
	}
	if isLateCreation := event.Operation == domain.Created && known.client != 0 && !known.hasOrigin; isLateCreation {
		event.ClientID = 0 // that of the change, which is newer, stays
		if known.hasActive {
			event.Active = nil
		}
	}
	event, poison := d.attribute(event, known)
	if poison != nil {
		return poison
	}
	if err := d.follow(event, i); err != nil {
		return poisonf(Unreadable, "%v", err)
	}
	d.add(event)
	i.subject = event.Subject
	known.client = cmp.Or(event.ClientID, known.client)
	known.hasActive = known.hasActive || event.Active != nil
	known.hasOrigin = known.hasOrigin || event.Operation != domain.Changed
	known.events[event.EventID] = true
	return nil
}

// attribute finds the client under whom an event is recorded. The event is poison if the client does not exist.
func (d *decision) attribute(event domain.ReferenceEvent, known *known) (domain.ReferenceEvent, *Poison) {
	if event.Operation == domain.Deleted && known.client != 0 { // it is deleted, even if the event names another client
		event.ClientID, event.Subject = 0, known.client
		return event, nil
	}
	event.Subject = cmp.Or(event.ClientID, known.client)
	switch {
	case event.Subject == 0 && event.Operation == domain.Created:
		return event, poisonf(Unreadable, "it names no client_id")
	case event.Subject == 0:
		return event, poisonf(UnknownClient, "%s %d is not known, and the event names no client", event.Kind, event.ID)
	case d.client(event.Account, event.Subject).Client.Exists():
		return event, nil
	case d.config.Directory.Deleted(event.Subject):
		return event, poisonf(DeletedClient, "client %d", event.Subject)
	default:
		return event, poisonf(UnknownClient, "client %d", event.Subject)
	}
}

// follow adds the event by which the client's invoice defaults follow an invoice, if they change.
func (d *decision) follow(learned domain.ReferenceEvent, from *item) error {
	if learned.Kind != domain.Invoice || learned.Operation == domain.Deleted {
		return nil
	}
	state, invoice := d.client(learned.Account, learned.Subject), domain.FollowInvoice{Kind: learned.InvoiceKind, Timeframe: learned.InvoiceTimeframe}
	if learned.Late {
		invoice = d.config.Directory.LateDefaults(learned)
	}
	event, err := domain.Decide(state.Client, state.References, invoice)
	if err != nil || event == nil {
		return err
	}
	cause := cmp.Or(learned.CausationID, fmt.Sprintf("%s/%d", learned.Source.Stream, learned.Source.Sequence)) // its position if it has no ce-id
	entry := eventstore.Entry{Event: &domain.Envelope{
		EventID:       d.config.NewEventID(),
		Account:       learned.Account,
		Event:         event,
		Version:       state.Client.Revision.Version + 1,
		Time:          time.Now(),
		Actor:         cmp.Or(brief(from.cloud.actor), "invoices"),
		CorrelationID: cmp.Or(learned.CorrelationID, cause),
		CausationID:   cause,
		Traceparent:   from.cloud.traceparent,
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

func (d *decision) add(event domain.ReferenceEvent) {
	event.Replica = d.config.Replica
	if !event.Late {
		event.Previous, d.reached = d.reached, event.Source.Sequence
	}
	d.entries = append(d.entries, eventstore.Entry{Reference: event})
}

// client returns the client as the run has left it so far.
func (d *decision) client(account string, id int64) *domain.State {
	key := key{domain.NoReference, account, id}
	state := d.clients[key]
	if state == nil {
		now := d.config.Directory.State(account, id)
		state = &now
		d.clients[key] = state
	}
	return state
}

// reference returns what is known of a project or invoice as the run has left it so far.
func (d *decision) reference(event domain.ReferenceEvent) *known {
	key := key{event.Kind, event.Account, event.ID}
	now := d.config.Directory.Item(event.Kind, event.Account, event.ID)
	k := d.references[key]
	if k == nil {
		k = &known{client: now.Client, hasActive: now.HasActive(), hasOrigin: now.HasOrigin(), events: make(map[string]bool)}
		d.references[key] = k
	}
	if now.Seen(event.EventID) || now.Seen(event.CausationID) {
		k.events[event.EventID] = true
	}
	return k
}
