package projections

import (
	"context"
	"fmt"

	"clients/domain"
	"clients/eventstore"
)

// Follow folds the stream into the directory until ctx ends or the stream holds what cannot be folded. From then on
// the directory stays as it is, and whoever waits for more of it is given the error.
func (d *Directory) Follow(ctx context.Context) error {
	err := d.stream.Follow(ctx, d.Sequence(), d.apply)
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
	if r.Fact != nil {
		d.references.fold(r.Fact)
		return nil
	}
	a, old := d.find(r)
	if r.Stray != "" {
		d.skip(r, a, old)
		return nil
	}
	var before domain.Client
	if old != nil {
		before = old.Client
	}
	if err := d.continues(before, r); err != nil {
		return err
	}
	d.take(a, old, before, r)
	return nil
}

// find answers the account and the client that a message is about, nil where there is none.
func (d *Directory) find(r eventstore.Record) (*account, *entry) {
	a := d.accounts[r.Account]
	if a == nil {
		return nil, nil
	}
	return a, a.byID[r.ClientID]
}

// take folds an event in, of a client that was old and is before. It judges nothing.
func (d *Directory) take(a *account, old *entry, before domain.Client, r eventstore.Record) {
	if a == nil {
		a = newAccount()
		d.accounts[r.Account] = a
	}
	if r.StoredAt.After(d.clock) {
		d.clock = r.StoredAt
	}
	after := d.evolve(before, r)
	a.revision = domain.Revision{Version: a.revision.Version + 1, Checksum: r.Checksum}
	d.highestID = max(d.highestID, r.ClientID)
	switch {
	case !after.Exists():
		a.replace(old, nil)
		d.deleted[r.ClientID] = struct{}{}
		delete(d.references.held, r.ClientID)
		d.clients--
	case old == nil:
		a.replace(nil, newEntry(after, r.Sequence))
		d.clients++
	default:
		a.replace(old, newEntry(after, r.Sequence))
	}
}

// continues refuses an event that is not the next one of its client.
func (d *Directory) continues(before domain.Client, r eventstore.Record) error {
	if _, ended := d.deleted[r.ClientID]; ended {
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
func (d *Directory) skip(r eventstore.Record, a *account, old *entry) {
	d.strays++
	d.log.Warn("a message in the stream is not an event and is skipped", "sequence", r.Sequence, "reason", r.Stray)
	if old != nil {
		a.replace(old, newEntry(old.Client, r.Sequence))
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
