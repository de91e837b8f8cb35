package readmodel

import (
	"context"
	"sync"
	"time"
)

// Refresh returns as soon as the directory shows everything that the stream had acknowledged when Refresh was called,
// through any replica. The error is ctx's, that of the request to the stream's leader, or that of Await.
func (d *Directory) Refresh(ctx context.Context) error {
	end := StartSpan(ctx, "await the end of the stream")
	last, err := d.index.last(ctx)
	if err == nil {
		err = d.Await(ctx, last)
	}
	end(err)
	return err
}

// readIndex shares requests for the last sequence. A call while one is under way joins the next one: the response to the
// present one may be older than the call.
type readIndex struct {
	request func(context.Context) (uint64, error)

	mu       sync.Mutex
	underWay bool
	next     *roundTrip
}

type roundTrip struct {
	done chan struct{}
	last uint64
	err  error
}

// readIndexTimeout bounds one request to the leader.
const readIndexTimeout = time.Second

func (x *readIndex) last(ctx context.Context) (uint64, error) {
	x.mu.Lock()
	if x.next == nil {
		x.next = &roundTrip{done: make(chan struct{})}
	}
	own := x.next
	if !x.underWay {
		x.underWay = true
		go x.run()
	}
	x.mu.Unlock()
	select {
	case <-own.done:
		return own.last, own.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run sends requests until no caller waits for one.
func (x *readIndex) run() {
	for {
		x.mu.Lock()
		current := x.next
		x.next = nil
		x.underWay = current != nil
		x.mu.Unlock()
		if current == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), readIndexTimeout)
		current.last, current.err = x.request(ctx)
		cancel()
		close(current.done)
	}
}
