package transport

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// Shares of the memory limit. The rest is for what is stored, and for the garbage that requests leave.
const (
	connectionShare = 4
	bodyShare       = 8
	listShare       = 8
)

// connectionCost is what a connection is counted with: its goroutine, the buffers of HTTP and TLS, headers, and a body of
// smallBody bytes.
const connectionCost = 128 << 10

// MaxConnections returns how many connections a memory limit in bytes has room for.
func MaxConnections(memoryLimit int64) int {
	return int(memoryLimit / connectionShare / connectionCost)
}

// budget bounds the memory that requests of a kind hold at once. A nil budget has no bound.
type budget struct {
	free *semaphore.Weighted
	wait time.Duration
}

// memoryWait is how long a request waits for memory, so that a burst is not refused.
const memoryWait = 500 * time.Millisecond

// newBudget returns a budget of a share of limit that has room for one request of size most at least.
func newBudget(limit, share, most int64) *budget {
	return &budget{semaphore.NewWeighted(max(limit/share, most)), memoryWait}
}

// take reserves n bytes until release is called, or returns errMemory.
func (b *budget) take(n int64) (release func(), err error) {
	if b == nil {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.wait) // a caller that half-closed still waits
	defer cancel()
	if b.free.Acquire(ctx, n) != nil {
		return nil, errMemory
	}
	return func() { b.free.Release(n) }, nil
}
