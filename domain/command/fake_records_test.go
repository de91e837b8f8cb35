package command_test

import (
	"context"

	"clients/domain"
)

func (w *world) Claim(_ context.Context, account, key string, fresh func() (domain.IdempotencyRecord, error)) (domain.IdempotencyRecord, bool, error) {
	defer w.delayed("claim")()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.claimErr != nil {
		return domain.IdempotencyRecord{}, false, w.claimErr
	}
	if stored, ok := w.keys[account+"/"+key]; ok {
		stored.Revision = w.keyRevision
		return stored, false, nil
	}
	w.mu.Unlock()
	r, err := fresh()
	w.mu.Lock()
	if err != nil {
		return r, false, err
	}
	if stored, ok := w.keys[account+"/"+key]; ok {
		stored.Revision = w.keyRevision
		return stored, false, nil
	}
	own := w.put(account, key, r)
	if w.afterClaim == nil {
		return own, true, nil
	}
	held := w.afterClaim
	w.afterClaim = nil
	w.mu.Unlock()
	held()
	w.mu.Lock()
	stored := w.keys[account+"/"+key]
	stored.Revision = w.keyRevision
	return stored, stored.Revision == own.Revision, nil
}

// put stores a record under the next revision.
func (w *world) put(account, key string, r domain.IdempotencyRecord) domain.IdempotencyRecord {
	r.Revision = 0
	w.keys[account+"/"+key] = r
	w.keyRevision++
	r.Revision = w.keyRevision
	return r
}

func (w *world) Read(_ context.Context, account, key string) (domain.IdempotencyRecord, bool, error) {
	defer w.delayed("read")()
	w.mu.Lock()
	defer w.mu.Unlock()
	stored, ok := w.keys[account+"/"+key]
	stored.Revision = w.keyRevision
	return stored, ok, nil
}

func (w *world) TakeOver(_ context.Context, account, key string, r domain.IdempotencyRecord) (domain.IdempotencyRecord, error) {
	defer w.delayed("take over")()
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.keys[account+"/"+key]; !ok || r.Revision != w.keyRevision {
		return r, domain.ErrConflict
	}
	w.takeovers++
	return w.put(account, key, r), nil
}

func (w *world) Complete(ctx context.Context, account, key string, r domain.IdempotencyRecord) error {
	defer w.delayed("complete")()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.completeErr != nil || ctx.Err() != nil {
		return w.completeErr
	}
	if stored, ok := w.keys[account+"/"+key]; !ok || stored.EventID == r.EventID {
		w.put(account, key, r)
	}
	return nil
}

func (w *world) Release(_ context.Context, account, key string, r domain.IdempotencyRecord) error {
	defer w.delayed("release")()
	if w.beforeRelease != nil {
		w.beforeRelease()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.releaseErr != nil {
		return w.releaseErr
	}
	if _, ok := w.keys[account+"/"+key]; !ok || r.Revision != w.keyRevision {
		return domain.ErrConflict
	}
	delete(w.keys, account+"/"+key)
	return nil
}
