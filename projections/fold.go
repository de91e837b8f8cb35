package projections

import (
	"context"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// Follow folds the stream into the directory until ctx ends or the stream holds what cannot be folded. From then on
// the directory stays as it is, and whoever waits for more of it is given the error.
func (d *Directory) Follow(ctx context.Context) error {
	err := d.stream.Tail(ctx, d.Sequence(), d.apply)
	d.arrivals.end(err)
	d.endReadings()
	return err
}

// apply folds a run of messages, which shows to readers as one step.
func (d *Directory) apply(run []eventstore.Record) error {
	reached, err := d.fold(run)
	d.arrivals.advance(reached)
	return err
}

func (d *Directory) fold(run []eventstore.Record) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range run {
		if err := d.foldOne(r); err != nil {
			return d.sequence, err
		}
		d.sequence, d.storedAt = r.Sequence, r.StoredAt
	}
	return d.sequence, nil
}

func (d *Directory) foldOne(r eventstore.Record) error {
	if r.Reference != nil {
		d.references.fold(r.Reference)
		return nil
	}
	if r.Foreign != "" {
		d.skip(r)
		return nil
	}
	if err := d.owned(r); err != nil {
		return err
	}
	before := d.before(r)
	if err := d.continues(before, r); err != nil {
		return err
	}
	d.take(before, r)
	return nil
}

// of tells whether there is such a client, of that account.
func (e *entry) of(account string) bool { return e != nil && e.account.name == account }

// before is the client that an event is about, as it was.
func (d *Directory) before(r eventstore.Record) (before domain.Client) {
	if old := d.byID[r.ClientID]; old != nil {
		before = old.Client
	}
	return before
}

// put puts new in the place of old. Either may be nil: there was none before, or there is none any more.
func (d *Directory) put(a *account, old, new *entry) {
	a.order(old, new)
	if new == nil {
		delete(d.byID, old.ID)
		return
	}
	d.byID[new.ID] = new
}

// take folds an event in, of a client that was before. It judges nothing.
func (d *Directory) take(before domain.Client, r eventstore.Record) {
	a, old := d.accounts[r.Account], d.byID[r.ClientID]
	if a == nil {
		a = newAccount(r.Account)
		d.accounts[r.Account] = a
	}
	d.tick(r.StoredAt)
	after := d.evolve(before, r)
	a.revision = domain.Revision{Version: a.revision.Version + 1, Checksum: r.Checksum}
	d.highestID = max(d.highestID, r.ClientID)
	switch {
	case !after.Exists():
		d.put(a, old, nil)
		d.deleted.add(r.ClientID)
		d.references.held.Delete(r.ClientID)
		d.clients--
	case old == nil:
		d.put(a, nil, newEntry(a, after, r.Sequence))
		d.clients++
	default:
		d.put(a, old, newEntry(a, after, r.Sequence))
	}
}

// tick moves the clock on to when an event was stored.
func (d *Directory) tick(storedAt time.Time) {
	if storedAt.After(d.clock) {
		d.clock = storedAt
	}
}

// owned refuses an event of a client that is another account's: ids are handed out once, so that it was forged, or has lost
// its way.
func (d *Directory) owned(r eventstore.Record) error {
	if e := d.byID[r.ClientID]; e != nil && e.account.name != r.Account {
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(
			"client %d of account %s has the id of a client of account %s", r.ClientID, r.Account, e.account.name)}
	}
	return nil
}

// continues refuses an event that is not the next one of its client.
func (d *Directory) continues(before domain.Client, r eventstore.Record) error {
	if d.deleted.has(r.ClientID) {
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf("%s of client %d, which was deleted", r.Type, r.ClientID)}
	}
	_, creation := r.Event.(domain.ClientCreated)
	if r.Version != before.Revision.Version+1 || creation == before.Exists() {
		stands := "was not created"
		if before.Exists() {
			stands = fmt.Sprintf("is at version %d", before.Revision.Version)
		}
		return &eventstore.CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(
			"%s with version %d of client %d, which %s", r.Type, r.Version, r.ClientID, stands)}
	}
	return nil
}

func (d *Directory) evolve(before domain.Client, r eventstore.Record) domain.Client {
	after := domain.Evolve(before, r.Event)
	if !before.Exists() {
		after.CreatedAt = d.clock
	}
	after.UpdatedAt = d.clock
	after.Revision = r.Revision()
	after.Currency = d.texts.intern(after.Currency)
	after.CurrencySymbol = d.texts.intern(after.CurrencySymbol)
	after.DefaultInvoiceTimeframe = d.texts.intern(after.DefaultInvoiceTimeframe)
	after.LastInvoiceKind = d.texts.intern(after.LastInvoiceKind)
	return after
}

// skip passes over a message that is no event. Where it lies on the subject of a client, it counts as that subject's
// last message nevertheless, for that is how the stream sees it.
func (d *Directory) skip(r eventstore.Record) {
	d.strays++
	d.log.Warn("a message in the stream is not an event and is skipped", "sequence", r.Sequence, "reason", r.Foreign)
	if old := d.byID[r.ClientID]; old.of(r.Account) {
		d.put(old.account, old, newEntry(old.account, old.Client, r.Sequence))
	}
	if r.ClientID-d.highestID <= maxSkip {
		d.highestID = max(d.highestID, r.ClientID)
	}
}

// maxSkip bounds how many ids one stray message can use up: nobody is to use up all of them.
const maxSkip = 1 << 16

// texts keeps one copy of texts that many clients share.
type texts map[string]string

// maxTexts bounds what is kept where every client has texts of its own.
const maxTexts = 4096

func (t texts) intern(text string) string {
	if known, ok := t[text]; ok {
		return known
	}
	if len(t) < maxTexts {
		t[text] = text
	}
	return text
}
