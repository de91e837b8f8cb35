package readmodel

import (
	"fmt"
	"iter"
	"maps"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/references"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// Model is what the events of the stream up to Sequence add up to. It is not safe for concurrent use: a Directory guards
// its own, and the auditor has one to itself.
type Model struct {
	Totals
	accounts map[string]*account
	byID     map[int64]*Entry // the clients of all accounts
	texts    map[string]string
}

// Totals are what a model holds beside the clients.
type Totals struct {
	Sequence  uint64
	StoredAt  time.Time        // of the message at Sequence
	Clock     time.Time        // of the last event: it never runs backwards along the stream
	Setbacks  []Setback        // of the clocks by which events were stored, in order
	HighestID int64            // that a client ever had, in any account, or that a foreign message or an erasure named: see maxSkip
	Deleted   *avl.SequenceSet // ids of clients
	// Repeated holds the sequences of the events that do not count, because their client already had that version or was deleted. If an
	// earlier release has saved the snapshot, those before it are not known.
	Repeated   *avl.SequenceSet
	References *references.Index
}

// NewModel returns the model of an empty stream.
func NewModel() *Model { return NewModelWithin(references.DefaultLimits()) }

// NewModelWithin returns one whose references remember as much as limits say.
func NewModelWithin(limits references.Limits) *Model {
	m := &Model{accounts: make(map[string]*account), byID: make(map[int64]*Entry), texts: make(map[string]string)}
	m.Deleted, m.Repeated = new(avl.SequenceSet), new(avl.SequenceSet)
	m.References = references.New(m.isDeleted, limits)
	return m
}

// Fold applies a message, and sets its Foreign if it is foreign. The error is an *eventstore.CorruptError for an event that
// contradicts those before it; then nothing is changed.
func (m *Model) Fold(r *eventstore.Record) error {
	switch {
	case r.Reference != nil:
		m.References.Fold(r.Reference)
	case r.Removed:
		m.passRemoved(*r)
	case r.Removal == nil:
		if err := m.foldEvent(r); err != nil {
			return err
		}
	}
	m.Sequence, m.StoredAt = r.Sequence, r.StoredAt
	return nil
}

func (m *Model) foldEvent(r *eventstore.Record) error {
	if r.Foreign = m.foreign(*r); r.Foreign != "" {
		m.skip(*r)
		return nil
	}
	if wrong := m.contradiction(*r); wrong != "" {
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: wrong}
	}
	m.apply(m.before(*r), *r)
	return nil
}

// Force folds an event of a client of its account that contradicts those before it.
func (m *Model) Force(r eventstore.Record) {
	before := m.before(r)
	if _, creation := r.Event.(domain.ClientCreated); !creation {
		before.ID = r.ClientID // there may have been no creation
	}
	m.apply(before, r)
}

// foreign returns why a message is foreign, or "". So is an event with a version that its client already has: the first
// one counts. The last version of a deleted client is not known any more. Nothing but an erasure follows a deletion, so that
// every other event of the client is foreign.
func (m *Model) foreign(r eventstore.Record) string {
	if r.Foreign != "" || r.Event == nil {
		return r.Foreign
	}
	if m.isDeleted(r.ClientID) && !r.IsErasure() {
		return fmt.Sprintf("version %d of client %d, which was deleted", r.Version, r.ClientID)
	}
	if e := m.byID[r.ClientID]; e.of(r.Account) && r.Version <= e.Revision.Version {
		return fmt.Sprintf("version %d of client %d, which is at version %d", r.Version, r.ClientID, e.Revision.Version)
	}
	return ""
}

// contradiction returns what is wrong with an event that is not foreign, or "". An id that belongs to another account was forged
// or is in the wrong stream, since ids are given out once. An erasure may come at any time: the events in front of it may be gone.
func (m *Model) contradiction(r eventstore.Record) string {
	if e := m.byID[r.ClientID]; e != nil && !e.of(r.Account) {
		return fmt.Sprintf("client %d of account %s has the id of a client of account %s", r.ClientID, r.Account, e.account.name)
	}
	before := m.before(r)
	_, creation := r.Event.(domain.ClientCreated)
	switch {
	case r.IsErasure(), r.Version == before.Revision.Version+1 && creation != before.Exists():
		return ""
	case before.Exists():
		return fmt.Sprintf("%s with version %d of client %d, which is at version %d", r.Type, r.Version, r.ClientID, before.Revision.Version)
	}
	return fmt.Sprintf("%s with version %d of client %d, which was not created", r.Type, r.Version, r.ClientID)
}

// before returns the client that an event is about, as it is before the event.
func (m *Model) before(r eventstore.Record) (before domain.Client) {
	if old := m.byID[r.ClientID]; old != nil {
		before = old.Client
	}
	return before
}

// apply folds an event of a client as it was before, without any check.
func (m *Model) apply(before domain.Client, r eventstore.Record) {
	a := m.account(r.Account)
	m.accounts[r.Account] = a
	m.Tick(r)
	after := m.evolve(before, r)
	a.revision = domain.Revision{Version: a.revision.Version + 1, Checksum: r.Checksum}
	if r.IsErasure() {
		m.take(r.ClientID)
	} else {
		m.HighestID = max(m.HighestID, r.ClientID)
	}
	if after.Exists() {
		m.put(a, after, r.Sequence)
	} else {
		m.remove(a, r.ClientID)
	}
}

func (m *Model) put(a *account, c domain.Client, lastSequence uint64) {
	e := NewEntry(c, lastSequence)
	e.account = a
	a.replace(m.byID[c.ID], e)
	m.byID[c.ID] = e
}

// remove forgets a client, if there is one, and remembers that there was.
func (m *Model) remove(a *account, id int64) {
	a.replace(m.byID[id], nil)
	delete(m.byID, id)
	m.Deleted.Insert(uint64(id))
	m.References.Remove(id)
}

// passRemoved folds a message that was removed: it does what the message did to everything but its client, so that the
// model is the same behind the erasure, whether the message was folded before it was removed or not.
func (m *Model) passRemoved(r eventstore.Record) {
	if r.Type == "" {
		return
	}
	m.Tick(r)
	if r.Foreign != "" {
		m.Repeated.Insert(r.Sequence)
		return
	}
	if e := m.byID[r.ClientID]; e != nil && !e.of(r.Account) { // the message stopped the service
		return
	}
	a := m.account(r.Account)
	m.accounts[r.Account] = a
	a.revision = domain.Revision{Version: a.revision.Version + 1} // the checksum is that of the erasure soon
	m.HighestID = max(m.HighestID, r.ClientID)
	if r.IsDeletion() {
		m.remove(a, r.ClientID)
	}
}

// account returns an account; if it has had no client yet, a new one that is not part of the model.
func (m *Model) account(name string) *account {
	if a := m.accounts[name]; a != nil {
		return a
	}
	return newAccount(name)
}

func (m *Model) evolve(before domain.Client, r eventstore.Record) domain.Client {
	after := domain.Evolve(before, r.Event)
	if !before.Exists() {
		after.CreatedAt = m.Clock
	}
	after.UpdatedAt = m.Clock
	after.Revision = r.Revision()
	after.Currency = m.intern(after.Currency)
	after.CurrencySymbol = m.intern(after.CurrencySymbol)
	after.DefaultInvoiceTimeframe = m.intern(after.DefaultInvoiceTimeframe)
	after.LastInvoiceKind = m.intern(after.LastInvoiceKind)
	return after
}

// maxSkip bounds how many ids one message can take that is foreign, or the erasure of a client that is not known.
const maxSkip = 1 << 16

// take passes over an id that no new client can have, and those below it.
func (m *Model) take(id int64) {
	if id-m.HighestID <= maxSkip {
		m.HighestID = max(m.HighestID, id)
	}
}

// skip passes over a foreign message. If it is on a client's subject, it is the last message of that subject, which the next
// append has to expect. An event moves the clock on even if it does not count: a scrub, which folds a part of the clients,
// does not know that of the events of others.
func (m *Model) skip(r eventstore.Record) {
	if r.Event != nil {
		m.Tick(r)
		m.Repeated.Insert(r.Sequence)
	}
	if old := m.byID[r.ClientID]; old.of(r.Account) {
		m.put(old.account, old.Client, r.Sequence)
	}
	m.take(r.ClientID)
}

// isDeleted reports whether a client of any account was deleted.
func (m *Model) isDeleted(id int64) bool { return m.Deleted.Exists(uint64(id)) }

// Client returns a client of any account, or nil.
func (m *Model) Client(id int64) *Entry { return m.byID[id] }

// Len returns how many clients there are.
func (m *Model) Len() int { return len(m.byID) }

// AccountCount returns how many accounts have ever had a client.
func (m *Model) AccountCount() int { return len(m.accounts) }

// Entries returns the clients of all accounts, in any order.
func (m *Model) Entries() iter.Seq[*Entry] { return maps.Values(m.byID) }

// MaxTexts bounds how many shared texts are kept, where every client has texts of its own.
const MaxTexts = 4096

// intern returns the one copy of a text that many clients share.
func (m *Model) intern(text string) string {
	if known, ok := m.texts[text]; ok {
		return known
	}
	if len(m.texts) < MaxTexts {
		m.texts[text] = text
	}
	return text
}
