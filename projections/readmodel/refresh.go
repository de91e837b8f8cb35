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
	turn    sync.Mutex // held during a request

	mu   sync.Mutex
	next *roundTrip // not sent yet
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
	own := x.next
	if own == nil {
		own = &roundTrip{done: make(chan struct{})}
		x.next = own
		go x.send(own)
	}
	x.mu.Unlock()
	select {
	case <-own.done:
		return own.last, own.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// send sends the next request when the one under way has ended.
func (x *readIndex) send(r *roundTrip) {
	x.turn.Lock()
	defer x.turn.Unlock()
	x.mu.Lock()
	x.next = nil
	x.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), readIndexTimeout)
	defer cancel()
	r.last, r.err = x.request(ctx)
	close(r.done)
}
