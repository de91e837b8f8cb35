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
	responseShare   = 8
	feedShare       = 16
	catchUpShare    = 16
	listShare       = 16
)

// connectionCost is what a connection is counted with: its goroutine, the buffers of HTTP and TLS, headers, and a body of
// smallBody bytes.
const connectionCost = 128 << 10

// MaxConnections returns how many connections a memory limit in bytes has room for.
func MaxConnections(memoryLimit int64) int {
	return int(memoryLimit / connectionShare / connectionCost)
}

// Costs of responses. A reader that takes none of what it is sent keeps a response in memory until a timeout ends it.
const (
	compressorCost = 768 << 10
	// largeResponse is for a chunk of a list, which may grow beyond its size, beside the clients that updated_since sorts, and for a client
	// with details of more than smallDetails bytes. Each of these bytes may be written as five. Smaller responses are counted with their
	// connection.
	largeResponse = 512 << 10
	smallDetails  = 20 << 10
)

// feedCost is what a feed holds beside its connection while it waits and writes, mostly the events that feed.Reader.Take returns.
const feedCost = 64 << 10

// streamCost is for a response that reads the stream: a page of a history or of the console, or a feed until it has caught up, which
// may take as long as its reader likes and so has a budget of its own. The largest pages have about 1 MiB, and their buffers up to twice
// as much.
const streamCost = 2 << 20

// memoryWait is how long a request waits for memory, so that a burst is not refused.
const memoryWait = 500 * time.Millisecond

// newBudget returns a bound of the memory that requests of a kind hold at once: a share of limit, with room for one request of size
// most at least.
func newBudget(limit, share, most int64) *semaphore.Weighted {
	return semaphore.NewWeighted(max(limit/share, most))
}

// reservations return the memory that one request has reserved.
type reservations []func()

// reserve reserves n bytes of a budget, or returns errMemory.
func (r *reservations) reserve(b *semaphore.Weighted, n int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), memoryWait) // a caller that half-closed still waits
	defer cancel()
	if b.Acquire(ctx, n) != nil {
		return errMemory
	}
	*r = append(*r, func() { b.Release(n) })
	return nil
}

// try reserves n bytes of a budget if they are free now.
func (r *reservations) try(b *semaphore.Weighted, n int64) bool {
	if !b.TryAcquire(n) {
		return false
	}
	*r = append(*r, func() { b.Release(n) })
	return true
}

// release gives back all that was reserved.
func (r *reservations) release() {
	for _, release := range *r {
		release()
	}
	*r = nil
}
