package readmodel

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/references"
)

// Model is what the events of the stream up to Sequence add up to. It is not safe for concurrent use: a Directory guards
// its own, and the auditor has one to itself.
type Model struct {
	Sequence   uint64
	StoredAt   time.Time // of the message at Sequence
	Clock      time.Time // of the last event: it never runs backwards along the stream
	Setbacks   []Setback // of the clocks by which events were stored, in order
	HighestID  int64     // that a client ever had, in any account, or that a foreign message has taken
	Deleted    *IDSet
	References *references.Index

	accounts map[string]*account
	byID     map[int64]*Entry // the clients of all accounts
	texts    texts
}

// NewModel returns the model of an empty stream.
func NewModel() *Model { return NewModelWithin(references.DefaultLimits()) }

// NewModelWithin returns one whose references remember as much as limits say.
func NewModelWithin(limits references.Limits) *Model {
	m := &Model{Deleted: NewIDSet(), accounts: make(map[string]*account), byID: make(map[int64]*Entry), texts: make(texts)}
	m.References = references.New(m.Deleted.Has, limits)
	return m
}

// Fold applies a message. It returns why the message is foreign, or "". The error is an *eventstore.CorruptError for an event
// that contradicts those before it; then nothing is changed.
func (m *Model) Fold(r eventstore.Record) (foreign string, err error) {
	if r.Reference != nil {
		m.References.Fold(r.Reference)
	} else if foreign = m.Foreign(r); foreign != "" {
		m.skip(r)
	} else {
		if err := m.CheckOwner(r); err != nil {
			return "", err
		}
		if err := m.CheckOrder(r); err != nil {
			return "", err
		}
		m.Apply(r)
	}
	m.Sequence, m.StoredAt = r.Sequence, r.StoredAt
	return foreign, nil
}

// Foreign returns why a message is foreign, or "". So is an event with a version that its client already has: the first
// one counts. The last version of a deleted client is not known any more. Nothing follows a deletion, so that every later
// event of the client is foreign.
func (m *Model) Foreign(r eventstore.Record) string {
	if r.Foreign != "" || r.Reference != nil {
		return r.Foreign
	}
	if m.Deleted.Has(r.ClientID) {
		return fmt.Sprintf("version %d of client %d, which was deleted", r.Version, r.ClientID)
	}
	if e := m.byID[r.ClientID]; e.of(r.Account) && r.Version <= e.Revision.Version {
		return fmt.Sprintf("version %d of client %d, which is at version %d", r.Version, r.ClientID, e.Revision.Version)
	}
	return ""
}

// CheckOwner refuses an event whose client's id belongs to another account: ids are given out once, so that the event was
// forged or is in the wrong stream.
func (m *Model) CheckOwner(r eventstore.Record) error {
	if e := m.byID[r.ClientID]; e != nil && e.account.name != r.Account {
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(
			"client %d of account %s has the id of a client of account %s", r.ClientID, r.Account, e.account.name)}
	}
	return nil
}

// CheckOrder refuses an event that is not foreign, and not the next one of its client.
func (m *Model) CheckOrder(r eventstore.Record) error {
	before := m.Before(r)
	_, creation := r.Event.(domain.ClientCreated)
	if r.Version != before.Revision.Version+1 || creation == before.Exists() {
		state := "was not created"
		if before.Exists() {
			state = fmt.Sprintf("is at version %d", before.Revision.Version)
		}
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(
			"%s with version %d of client %d, which %s", r.Type, r.Version, r.ClientID, state)}
	}
	return nil
}

// Before returns the client that an event is about, as it is before the event.
func (m *Model) Before(r eventstore.Record) (before domain.Client) {
	if old := m.byID[r.ClientID]; old != nil {
		before = old.Client
	}
	return before
}

// Apply folds an event without any check.
func (m *Model) Apply(r eventstore.Record) { m.ApplyTo(m.Before(r), r) }

// ApplyTo folds an event of a client as it was before.
func (m *Model) ApplyTo(before domain.Client, r eventstore.Record) {
	a, old := m.account(r.Account), m.byID[r.ClientID]
	m.accounts[r.Account] = a
	m.Tick(r)
	after := m.evolve(before, r)
	a.revision = domain.Revision{Version: a.revision.Version + 1, Checksum: r.Checksum}
	m.HighestID = max(m.HighestID, r.ClientID)
	if after.Exists() {
		e := NewEntry(after, r.Sequence)
		e.account = a
		m.replace(a, old, e)
		return
	}
	m.replace(a, old, nil)
	m.Deleted.Add(r.ClientID)
	m.References.Remove(r.ClientID)
}

// account returns an account; if it has had no client yet, a new one that is not part of the model.
func (m *Model) account(name string) *account {
	if a := m.accounts[name]; a != nil {
		return a
	}
	return newAccount(name)
}

// replace puts new in the place of old. Either may be nil: there was none before, or there is none any more.
func (m *Model) replace(a *account, old, new *Entry) {
	a.replace(old, new)
	if new == nil {
		delete(m.byID, old.ID)
		return
	}
	m.byID[new.ID] = new
}

func (m *Model) evolve(before domain.Client, r eventstore.Record) domain.Client {
	after := domain.Evolve(before, r.Event)
	if !before.Exists() {
		after.CreatedAt = m.Clock
	}
	after.UpdatedAt = m.Clock
	after.Revision = r.Revision()
	after.Currency = m.Intern(after.Currency)
	after.CurrencySymbol = m.Intern(after.CurrencySymbol)
	after.DefaultInvoiceTimeframe = m.Intern(after.DefaultInvoiceTimeframe)
	after.LastInvoiceKind = m.Intern(after.LastInvoiceKind)
	return after
}

// maxSkip bounds how many ids one foreign message can take.
const maxSkip = 1 << 16

// skip passes over a foreign message. If it is on a client's subject, it is the last message of that subject, which the next
// append has to expect. An event moves the clock on even if it does not count: a scrub, which folds a part of the clients,
// does not know that of the events of others.
func (m *Model) skip(r eventstore.Record) {
	if r.Event != nil {
		m.Tick(r)
	}
	if old := m.byID[r.ClientID]; old.of(r.Account) {
		e := NewEntry(old.Client, r.Sequence)
		e.account = old.account
		m.replace(old.account, old, e)
	}
	if r.ClientID-m.HighestID <= maxSkip {
		m.HighestID = max(m.HighestID, r.ClientID)
	}
}

// Client returns a client of any account, or nil.
func (m *Model) Client(id int64) *Entry { return m.byID[id] }

// Len returns how many clients there are.
func (m *Model) Len() int { return len(m.byID) }

// AccountCount returns how many accounts have ever had a client.
func (m *Model) AccountCount() int { return len(m.accounts) }

// Entries returns the clients of all accounts, in any order.
func (m *Model) Entries() iter.Seq[*Entry] { return maps.Values(m.byID) }

// View returns the model as it is now, for a reader that continues while the model changes. It copies the roots of a
// few trees for each account.
func (m *Model) View() View {
	v := View{
		Sequence: m.Sequence, StoredAt: m.StoredAt, Clock: m.Clock, HighestID: m.HighestID,
		Setbacks: slices.Clone(m.Setbacks),
		Deleted:  m.Deleted.Copy(), References: m.References.Copy(),
	}
	for _, name := range slices.Sorted(maps.Keys(m.accounts)) {
		a := m.accounts[name]
		v.Accounts = append(v.Accounts, Account{Name: name, Revision: a.revision, clients: a.byName.Copy()})
	}
	return v
}

// View is a Model as of one sequence. It never changes.
type View struct {
	Sequence        uint64
	StoredAt, Clock time.Time
	Setbacks        []Setback
	HighestID       int64
	Deleted         *IDSet
	Accounts        []Account // by name
	References      *references.Index
}

// Account is an account of a View.
type Account struct {
	Name     string
	Revision domain.Revision
	clients  *tree
}

// Len returns how many clients the account has.
func (a Account) Len() int { return a.clients.Len() }

// Clients returns the clients, in the order of a list.
func (a Account) Clients() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) { a.clients.Scan(yield) }
}

// texts keeps one copy of texts that many clients share.
type texts map[string]string

// MaxTexts bounds how many shared texts are kept, where every client has texts of its own.
const MaxTexts = 4096

// Intern returns the text that the model keeps for all clients that have it.
func (m *Model) Intern(text string) string {
	if known, ok := m.texts[text]; ok {
		return known
	}
	if len(m.texts) < MaxTexts {
		m.texts[text] = text
	}
	return text
}
