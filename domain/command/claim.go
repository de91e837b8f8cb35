package command

import (
	"context"
	"errors"
	"sync"
	"time"

	"clients/domain"
)

// claimLife is for how long a claim needs no confirmation. It is shorter than patience by what may pass between the look
// at the clock and the message on its way.
const claimLife = patience / 2

// errKeyLost is the cause of an error after which a request must not store anything.
var errKeyLost = errors.New("another request has taken the idempotency key over")

// claim is a request's right to the event of its key. It is a domain.Lease: the event is sent only while the claim is confirmed.
type claim struct {
	handler      *Handler
	account, key string
	shared       bool // the record was another request's before, which may still have its event on the way

	mu        sync.Mutex // for Confirm, which an append may call that is not waited for any more
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
	now := c.handler.Now()
	return max(now.Sub(c.confirmed), now.Round(0).Sub(c.confirmed.Round(0))) > claimLife // a machine that was suspended knows one of them at best
}

// Confirm stores the record once more if that is due. The error is errKeyLost when it is not the claim's any more.
func (c *claim) Confirm(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.due() {
		return nil
	}
	err := c.store(ctx)
	if errors.Is(err, domain.ErrConflict) {
		return errKeyLost
	}
	return err
}

// store stores the record over the one of its revision.
func (c *claim) store(ctx context.Context) error {
	asked := c.handler.Now()
	r, err := c.handler.Keys.TakeOver(ctx, c.account, c.key, c.record)
	if err == nil {
		c.record, c.confirmed = r, asked
	}
	return err
}

// takeOver makes another request's record this one's. If the record's event is found, that is its answer; otherwise it is
// known from then on that nothing is stored of it up to where the directory is. The error is a domain.Conflict when the
// record has changed meanwhile.
func (c *claim) takeOver(ctx context.Context) error {
	shown := c.handler.Directory.Sequence() // before the state, so that the leader is asked for what is known up to there
	l := c.lookup(c.handler.Directory.State(c.account, c.record.ClientID).LastSequence)
	if !c.record.StoredAt.IsZero() {
		l.Before = c.record.StoredAt.Add(lateStore)
	}
	receipt, found, err := c.handler.Log.Find(ctx, l)
	if err != nil {
		return err
	}
	if found {
		result, _, _ := c.handler.applied(ctx, c.record.ClientID, receipt)
		_ = c.complete(ctx, result)
		return nil
	}
	c.record.After, c.record.Released = max(c.record.After, shown), false
	return c.store(ctx)
}

// complete makes result the answer to all further requests with the key.
func (c *claim) complete(ctx context.Context, result Result) error {
	c.record.Result = &result.Revision
	return c.handler.Keys.Complete(ctx, c.account, c.key, c.record)
}

// release lets other requests have the key. A record that only this request has ever had is removed. One that was taken
// over stays, and is marked: all that come after it share its event, and so does whoever had it first.
func (c *claim) release(ctx context.Context) error {
	if !c.shared {
		return c.handler.Keys.Release(ctx, c.account, c.key, c.record)
	}
	c.record.Released = true
	return c.store(ctx)
}

// lookup is how the event is found. The client is shown up to a sequence by the directory.
func (c *claim) lookup(shown uint64) domain.Lookup {
	r := c.record
	return domain.Lookup{Account: c.account, ClientID: r.ClientID, EventID: r.EventID, After: r.After, Shown: shown}
}

func (c *claim) after() uint64 { return c.record.After }
