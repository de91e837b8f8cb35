package command

import (
	"context"
	"errors"
	"sync"
	"time"

	"clients/domain"
)

// claimLife is how long a claim is valid without confirmation. It is shorter than takeOverAfter by what may pass between
// the look at the clock and the arrival of the event at the stream.
const claimLife = takeOverAfter / 2

// errClaimLost is the cause of an error after which a request must not store anything.
var errClaimLost = errors.New("another request has taken the idempotency record over")

// claim is a request's right to store the event of an idempotency record. As a domain.Lease it is confirmed before the
// event is sent.
type claim struct {
	*Handler
	account, key string
	shared       bool // the record was another request's before, whose event may still be on its way

	mu        sync.Mutex // for Confirm, which an append may call after its caller stopped waiting
	record    domain.IdempotencyRecord
	confirmed time.Time // before the record was last stored
}

// Due reports whether the claim was confirmed too long ago.
func (c *claim) Due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.due()
}

func (c *claim) due() bool {
	now := c.Now()
	// The monotonic clock stops while a machine is suspended, and the wall clock may be set.
	return max(now.Sub(c.confirmed), now.Round(0).Sub(c.confirmed.Round(0))) > claimLife
}

// Confirm stores the record once more if that is due. It returns errClaimLost if the record has changed.
func (c *claim) Confirm(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.due() {
		return nil
	}
	err := c.store(ctx)
	if errors.Is(err, domain.ErrConflict) {
		return errClaimLost
	}
	return err
}

// store replaces the record of the claim's revision.
func (c *claim) store(ctx context.Context) error {
	begun := c.Now()
	r, err := c.Records.TakeOver(ctx, c.account, c.key, c.record)
	if err == nil {
		c.record, c.confirmed = r, begun
	}
	return err
}

// takeOver makes another request's record this one's. If the event of the record is stored, it completes the record.
// Otherwise no event of the record is stored up to the directory's sequence, which the record remembers. It returns
// domain.ErrConflict if the record has changed meanwhile.
func (c *claim) takeOver(ctx context.Context) error {
	followed := c.Directory.Sequence() // read before the state, so that the lookup covers everything up to it
	l := c.lookup(c.Directory.State(c.account, c.record.ClientID).LastSequence)
	if !c.record.StoredAt.IsZero() {
		l.Before = c.record.StoredAt.Add(lateStore)
	}
	stored, found, err := c.Log.Find(ctx, l)
	if err != nil {
		return err
	}
	if found {
		_ = c.complete(ctx, c.applied(ctx, c.record.ClientID, stored))
		return nil
	}
	c.record.After, c.record.Released = max(c.record.After, followed), false
	return c.store(ctx)
}

// complete stores the result for all further requests with the key.
func (c *claim) complete(ctx context.Context, result Result) error {
	c.record.Result = &result.Revision
	return c.Records.Complete(ctx, c.account, c.key, c.record)
}

// release gives the record up. A record that only this request has had is removed. One that was taken over is kept and
// marked as released: all requests with the key share its event id, including the one that had it first.
func (c *claim) release(ctx context.Context) error {
	if c.shared {
		c.record.Released = true
		return c.store(ctx)
	}
	return c.Records.Release(ctx, c.account, c.key, c.record)
}

// lookup returns how to find the event of the record, when the directory shows the client up to a sequence.
func (c *claim) lookup(shown uint64) domain.Lookup {
	return domain.Lookup{Account: c.account, ClientID: c.record.ClientID, EventID: c.record.EventID, After: c.record.After, Shown: shown}
}
