package projections

import (
	"container/heap"
	"context"
	"sync"
)

// Await returns as soon as the directory shows what is stored at sequence. It fails when ctx ends, or with the reason
// for which the directory does not follow the stream any more.
func (d *Directory) Await(ctx context.Context, sequence uint64) error {
	return d.arrivals.await(ctx, sequence)
}

// Err answers why the directory does not follow the stream any more, or nil.
func (d *Directory) Err() error {
	d.arrivals.mu.Lock()
	defer d.arrivals.mu.Unlock()
	return d.arrivals.err
}

// arrivals wakes those who wait for a sequence.
type arrivals struct {
	mu      sync.Mutex
	reached uint64
	err     error
	waiting waiters
}

type waiter struct {
	sequence uint64
	woken    chan struct{}
	place    int // in the heap
}

func (a *arrivals) await(ctx context.Context, sequence uint64) error {
	a.mu.Lock()
	if a.reached >= sequence || a.err != nil {
		defer a.mu.Unlock()
		return a.outcome(sequence)
	}
	w := &waiter{sequence: sequence, woken: make(chan struct{})}
	heap.Push(&a.waiting, w)
	a.mu.Unlock()
	select {
	case <-w.woken:
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.outcome(sequence)
	case <-ctx.Done():
		a.forget(w)
		return ctx.Err()
	}
}

// forget takes a waiter away that nobody waits for any more, unless it was just woken.
func (a *arrivals) forget(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.place < len(a.waiting) && a.waiting[w.place] == w {
		heap.Remove(&a.waiting, w.place)
	}
}

func (a *arrivals) outcome(sequence uint64) error {
	if a.reached >= sequence {
		return nil
	}
	return a.err
}

func (a *arrivals) advance(reached uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached = reached
	for len(a.waiting) > 0 && a.waiting[0].sequence <= reached {
		close(heap.Pop(&a.waiting).(*waiter).woken)
	}
}

func (a *arrivals) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	for _, w := range a.waiting {
		close(w.woken)
	}
	a.waiting = nil
}

// waiters is a heap, the lowest sequence first.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].sequence < w[j].sequence }
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].place, w[j].place = i, j
}
func (w *waiters) Push(x any) {
	waiter := x.(*waiter)
	waiter.place = len(*w)
	*w = append(*w, waiter)
}
func (w *waiters) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return x
}
