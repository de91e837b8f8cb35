package readmodel

import (
	"cmp"
	"context"
	"sync"
)

// Await returns as soon as the directory shows what is stored at sequence. The error is ctx's, or the reason for which the
// directory does not follow the stream any more.
func (d *Directory) Await(ctx context.Context, sequence uint64) error {
	return d.arrivals.await(ctx, sequence)
}

// AwaitOwn does what Refresh does without a request to the stream's leader. It is for a process that alone stores events of
// clients, and calls Await with the sequence of each before it acknowledges it.
func (d *Directory) AwaitOwn(ctx context.Context) error {
	if err := d.Err(); err != nil {
		return err
	}
	return d.Await(ctx, d.arrivals.highestAwaited())
}

// Err returns why the directory does not follow the stream any more, or nil.
func (d *Directory) Err() error {
	d.arrivals.mu.Lock()
	defer d.arrivals.mu.Unlock()
	return d.arrivals.err
}

// arrivals wakes those who wait for a sequence.
type arrivals struct {
	mu      sync.Mutex
	reached uint64
	awaited uint64 // the highest sequence that was waited for
	err     error
	waiting map[chan struct{}]uint64 // for which sequence
}

func (a *arrivals) await(ctx context.Context, sequence uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.awaited = max(a.awaited, sequence)
	if a.reached >= sequence || a.err != nil {
		return a.outcome(ctx, sequence)
	}
	woken := make(chan struct{})
	a.waiting[woken] = sequence
	a.mu.Unlock()
	select {
	case <-woken:
	case <-ctx.Done():
	}
	a.mu.Lock()
	delete(a.waiting, woken)
	return a.outcome(ctx, sequence)
}

func (a *arrivals) highestAwaited() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.awaited
}

func (a *arrivals) outcome(ctx context.Context, sequence uint64) error {
	if a.reached >= sequence {
		return nil
	}
	return cmp.Or(a.err, ctx.Err())
}

func (a *arrivals) advance(reached uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached = reached
	for woken, sequence := range a.waiting {
		if sequence <= reached {
			close(woken)
			delete(a.waiting, woken)
		}
	}
}

func (a *arrivals) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = nil
}

func (a *arrivals) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	for woken := range a.waiting {
		close(woken)
	}
	clear(a.waiting)
}
