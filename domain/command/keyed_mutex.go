package command

import (
	"context"
	"sync"
)

// keyedMutex lets the commands on one client run one after the other within this process. The stream would refuse all but
// one of them anyway; waiting here costs less than conflicts there. The account is part of the key, so that commands of
// another account under the same id do not reveal that there is such a client.
type keyedMutex struct {
	mu   sync.Mutex
	held map[mutexKey]*mutex
}

type mutexKey struct {
	account  string
	clientID int64 // the client need not exist
}

type mutex struct {
	token chan struct{}
	users int // that hold the mutex or wait for it
}

// lock waits until the caller has the mutex of key, or returns the error of ctx. Waiting callers are served in order.
func (m *keyedMutex) lock(ctx context.Context, key mutexKey) (unlock func(), err error) {
	own := m.join(key)
	select {
	case own.token <- struct{}{}:
		return func() { <-own.token; m.leave(key, own) }, nil
	case <-ctx.Done():
		m.leave(key, own)
		return nil, ctx.Err()
	}
}

func (m *keyedMutex) join(key mutexKey) *mutex {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil {
		m.held = make(map[mutexKey]*mutex)
	}
	if m.held[key] == nil {
		m.held[key] = &mutex{token: make(chan struct{}, 1)}
	}
	m.held[key].users++
	return m.held[key]
}

func (m *keyedMutex) leave(key mutexKey, own *mutex) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(m.held, key)
	}
}
