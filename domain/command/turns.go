package command

import (
	"context"
	"sync"
)

// turns lets the commands on one client go one after the other within this process. The stream would refuse all but
// one of them anyhow; waiting here is cheaper than losing races there. Another account's commands under the same id wait
// for nobody and hold up nobody: it has no such client, and is not to notice that there is one.
type turns struct {
	mu   sync.Mutex
	held map[owned]*turn
}

// owned is a client as an account asks for it: it need not be there.
type owned struct {
	account  string
	clientID int64
}

type turn struct {
	token   chan struct{}
	waiting int
}

// take waits for the client's turn. The caller gives it back by done.
func (t *turns) take(ctx context.Context, client owned) (done func(), err error) {
	t.mu.Lock()
	if t.held == nil {
		t.held = make(map[owned]*turn)
	}
	own := t.held[client]
	if own == nil {
		own = &turn{token: make(chan struct{}, 1)}
		t.held[client] = own
	}
	own.waiting++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.waiting--; own.waiting == 0 {
			delete(t.held, client)
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
