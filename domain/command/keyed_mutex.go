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
	last map[mutexKey]chan struct{} // closed when the last caller, and so all before it, are done
}

type mutexKey struct {
	account  string
	clientID int64 // the client need not exist
}

// lock waits until the callers before it are done with the mutex of key, or returns the error of ctx.
func (m *keyedMutex) lock(ctx context.Context, key mutexKey) (unlock func(), err error) {
	done := make(chan struct{})
	m.mu.Lock()
	if m.last == nil {
		m.last = make(map[mutexKey]chan struct{})
	}
	before := m.last[key]
	m.last[key] = done
	m.mu.Unlock()
	release := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.last[key] == done {
			delete(m.last, key)
		}
		close(done)
	}
	if before == nil {
		return release, nil
	}
	select {
	case <-before:
		return release, nil
	case <-ctx.Done():
		go func() { // the callers behind wait for those before
			<-before
			release()
		}()
		return nil, ctx.Err()
	}
}
