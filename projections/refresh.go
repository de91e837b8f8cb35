package projections

import (
	"context"
	"sync"
	"time"
)

// Refresh returns as soon as the directory shows everything that the stream had acknowledged when Refresh was called,
// through whichever replica. Callers at the same time share one question to the stream's leader, which is asked after
// all of them have called.
func (d *Directory) Refresh(ctx context.Context) error {
	defer spanOfRefresh(ctx)()
	last, err := d.questions.last(ctx)
	if err != nil {
		return err
	}
	return d.Await(ctx, last)
}

// questions shares questions for the last sequence: who comes while one is under way joins the next one, for the
// answer to the present one may be older than he is.
type questions struct {
	ask func(context.Context) (uint64, error)

	mu       sync.Mutex
	underWay bool
	next     *question
}

type question struct {
	answered chan struct{}
	last     uint64
	err      error
}

// questionLimit is how long the leader is waited for.
const questionLimit = time.Second

func (q *questions) last(ctx context.Context) (uint64, error) {
	q.mu.Lock()
	if q.next == nil {
		q.next = &question{answered: make(chan struct{})}
	}
	own := q.next
	if !q.underWay {
		q.underWay = true
		go q.run()
	}
	q.mu.Unlock()
	select {
	case <-own.answered:
		return own.last, own.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run asks until nobody wants to know any more.
func (q *questions) run() {
	for {
		q.mu.Lock()
		current := q.next
		q.next = nil
		q.underWay = current != nil
		q.mu.Unlock()
		if current == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), questionLimit)
		current.last, current.err = q.ask(ctx)
		cancel()
		close(current.answered)
	}
}
