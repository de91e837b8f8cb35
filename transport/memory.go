package transport

import (
	"context"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/sync/semaphore"
)

// Shares of the memory limit. The rest is for what is stored, and for the garbage that requests leave.
const (
	connectionShare = 4
	bodyShare       = 8
	responseShare   = 8
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
	// largeResponse is for a list, which has two chunks, and for a client with details of more than smallDetails bytes.
	// Each of these bytes may be written as five. Smaller responses are counted with their connection.
	largeResponse = 512 << 10
	smallDetails  = 20 << 10
)

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

// reserve reserves n bytes of a budget until the exchange ends, or returns errMemory.
func (x *exchange) reserve(b *budget, n int64) error {
	if b == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.wait) // a caller that half-closed still waits
	defer cancel()
	if b.free.Acquire(ctx, n) != nil {
		return errMemory
	}
	x.reserved = append(x.reserved, func() { b.free.Release(n) })
	return nil
}

// reserveCompressor reserves memory for compressing a response that may have to wait for its reader. If there is none, the
// response is sent as it is.
func (x *exchange) reserveCompressor() {
	if x.api.responses == nil || x.r.Header.Get("Accept-Encoding") == "" {
		return
	}
	if !x.api.responses.free.TryAcquire(compressorCost) {
		x.w.Header().Set(gzhttp.HeaderNoCompression, "1")
		return
	}
	x.reserved = append(x.reserved, func() { x.api.responses.free.Release(compressorCost) })
}

// release gives back what the exchange has reserved. It is called when all of the response has been sent.
func (x *exchange) release() {
	for _, release := range x.reserved {
		release()
	}
	x.reserved = nil
}
