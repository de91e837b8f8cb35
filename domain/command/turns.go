package command

import (
	"context"
	"sync"
)

// turns lets the commands on one client go one after the other within this process. The stream would refuse all but
// one of them anyhow; waiting here is cheaper than losing races there.
type turns struct {
	mu   sync.Mutex
	held map[int64]*turn
}

type turn struct {
	token   chan struct{}
	waiting int
}

// take waits for the client's turn. The caller gives it back by done.
func (t *turns) take(ctx context.Context, clientID int64) (done func(), err error) {
	t.mu.Lock()
	if t.held == nil {
		t.held = make(map[int64]*turn)
	}
	own := t.held[clientID]
	if own == nil {
		own = &turn{token: make(chan struct{}, 1)}
		t.held[clientID] = own
	}
	own.waiting++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.waiting--; own.waiting == 0 {
			delete(t.held, clientID)
		}
	}
	select {
	case own.token <- struct{}{}:
		return func() { <-own.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
