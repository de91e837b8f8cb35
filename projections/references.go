package projections

import (
	"hash/fnv"
	"io"
	"slices"

	"clients/domain"
)

// references is what the facts say of other services' projects and invoices, and how far those have been read.
//
// Facts of one stream are recorded in its order, and one that repeats what is on record changes nothing. One that is
// recorded late, by hand, takes its place in that order: of each attribute the newest word stands.
type references struct {
	streams map[string]*reading
	things  map[thingKey]*thing
	held    map[int64]*held
}

type thingKey struct {
	kind    domain.Thing
	account string
	id      int64
}

// thing is a project or an invoice.
type thing struct {
	exists, active                bool
	client                        int64
	existsAs, activeAs, clientsAs moment   // when each was last said
	events                        []uint64 // hashes of the ids of all events that were folded in
}

// moment orders what was said in a stream, also across streams of the same name that followed on one another.
type moment struct {
	incarnation int // 1 for the first
	sequence    uint64
}

func (m moment) after(other moment) bool {
	return m.incarnation > other.incarnation || m.incarnation == other.incarnation && m.sequence > other.sequence
}

// held is what other services hold of one client.
type held struct {
	domain.References
	kindAs, timeframeAs moment // when the client's invoice defaults were last said
}

func newReferences() references {
	return references{streams: make(map[string]*reading), things: make(map[thingKey]*thing), held: make(map[int64]*held)}
}

// fold takes a fact in. It answers false for one that says nothing new.
func (r *references) fold(f *domain.Fact) bool {
	reading := r.streams[f.Source.Stream]
	if reading == nil {
		reading = newReading()
		r.streams[f.Source.Stream] = reading
	}
	now, fresh := reading.advance(f)
	if !fresh || f.Thing == domain.Nothing {
		return fresh
	}
	key := thingKey{f.Thing, f.Account, f.ID}
	t := r.things[key]
	if t == nil {
		t = &thing{active: true}
		r.things[key] = t
	}
	if !t.learn(hashOf(f.EventID), f.EventID != "") {
		return false
	}
	r.count(key, t, -1)
	t.apply(f, now)
	r.count(key, t, +1)
	r.follow(f, now)
	return true
}

// learn remembers an event, and answers false for one that is known.
func (t *thing) learn(event uint64, named bool) bool {
	if !named {
		return true
	}
	if t.knows(event) {
		return false
	}
	t.events = append(t.events, event)
	return true
}

func (t *thing) knows(event uint64) bool {
	for _, known := range t.events {
		if known == event {
			return true
		}
	}
	return false
}

func (t *thing) apply(f *domain.Fact, now moment) {
	if f.ClientID != 0 && now.after(t.clientsAs) {
		t.client, t.clientsAs = f.ClientID, now
	}
	if f.Active != nil && now.after(t.activeAs) {
		t.active, t.activeAs = *f.Active, now
	}
	switch said := t.existsAs != (moment{}); {
	case f.Change == domain.Changed:
		t.exists = t.exists || !said // what is changed must have been created
	case now.after(t.existsAs):
		t.exists, t.existsAs = f.Change == domain.Created, now
	}
}

// count adds a thing to what is held of its client, or takes it away.
func (r *references) count(key thingKey, t *thing, n int) {
	if !t.exists || t.client == 0 {
		return
	}
	h := r.of(t.client)
	switch {
	case key.kind == domain.Invoice:
		h.Invoices += n
	case t.active:
		h.ActiveProjects += n
	default:
		h.InactiveProjects += n
	}
}

func (r *references) of(client int64) *held {
	h := r.held[client]
	if h == nil {
		h = &held{}
		r.held[client] = h
	}
	return h
}

// follow remembers when the defaults of a client's invoices were last said.
func (r *references) follow(f *domain.Fact, now moment) {
	if f.Thing != domain.Invoice || f.Change == domain.Deleted || f.InvoiceKind == "" && f.InvoiceTimeframe == "" {
		return
	}
	h := r.of(f.Subject)
	if f.InvoiceKind != "" && now.after(h.kindAs) {
		h.kindAs = now
	}
	if f.InvoiceTimeframe != "" && now.after(h.timeframeAs) {
		h.timeframeAs = now
	}
}

// hashOf is the same in every release: snapshots hold it.
func hashOf(event string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, event)
	return h.Sum64()
}

// Thing is what is known of a project or an invoice.
type Thing struct {
	Client int64 // 0 where it is not known
	Exists bool
	Repeat bool // an event of one of the ids that were asked about is folded in
}

// Thing answers what is known of a project or an invoice of an account, and whether an event of one of eventIDs is.
func (d *Directory) Thing(kind domain.Thing, account string, id int64, eventIDs ...string) Thing {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t := d.references.things[thingKey{kind, account, id}]
	if t == nil {
		return Thing{}
	}
	known := func(eventID string) bool { return eventID != "" && t.knows(hashOf(eventID)) }
	return Thing{Client: t.client, Exists: t.exists, Repeat: slices.ContainsFunc(eventIDs, known)}
}

// Deleted reports whether a client has been there and is gone, in whichever account.
func (d *Directory) Deleted(id int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, deleted := d.deleted[id]
	return deleted
}

// StillToFollow answers what a late fact says of its client's invoice defaults that is not known better by now.
func (d *Directory) StillToFollow(f domain.Fact) domain.FollowInvoice {
	d.mu.RLock()
	defer d.mu.RUnlock()
	invoice := domain.FollowInvoice{Kind: f.InvoiceKind, Timeframe: f.InvoiceTimeframe}
	h, reading := d.references.held[f.Subject], d.references.streams[f.Source.Stream]
	if h == nil || reading == nil {
		return invoice
	}
	at := reading.moment(f.Source)
	if !at.after(h.kindAs) {
		invoice.Kind = ""
	}
	if !at.after(h.timeframeAs) {
		invoice.Timeframe = ""
	}
	return invoice
}
