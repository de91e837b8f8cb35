package auth

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// RateLimit admits a number of requests per user in any window of 15 s. Refused requests do not count, so that a caller
// that retries is admitted as soon as there is room.
type RateLimit struct {
	// Limit is the number of requests; 0 for any number.
	Limit   int
	metrics *Metrics
	begun   time.Time // a monotonic clock for the ticks
	mu      sync.Mutex
	users   *lru.Cache[Caller, *window]
}

// Caller is whose requests are counted together.
type Caller struct{ Account, User string }

// Window is how long a request counts, at least; it counts for one tick more at most.
const Window = 15 * time.Second

// A window is counted in ticks, so that a user takes the same memory whatever the limit is.
const (
	tick  = 250 * time.Millisecond
	ticks = int64(Window/tick) + 1
)

// window is how many requests there were in each of the last ticks.
type window struct {
	counts [ticks]int
	total  int
	last   int64 // the tick up to which counts is right
}

// maxCallers bounds how many users are counted.
const maxCallers = 20_000

// NewRateLimit returns a RateLimit.
func NewRateLimit(limit int, metrics *Metrics) *RateLimit {
	return &RateLimit{Limit: limit, metrics: metrics, begun: time.Now(), users: newLRU[Caller, *window](maxCallers)}
}

// Admit counts a request. It returns a *Refusal if the limit is reached.
func (l *RateLimit) Admit(c Caller) error {
	if l.Limit == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.users.Get(c)
	if !found {
		w = &window{}
		l.users.Add(c, w)
	}
	wait := w.admit(time.Since(l.begun), l.Limit)
	if wait == 0 {
		return nil
	}
	l.metrics.rateLimited.Inc()
	return refused(fmt.Sprintf("More than %d requests within 15 seconds. Try again in %s s.", l.Limit, Seconds(wait)), wait)
}

// Status returns how many requests of a caller count and, if the next one would be refused, for how long.
func (l *RateLimit) Status(c Caller) (count int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.users.Get(c)
	if !found {
		return 0, 0
	}
	wait = w.wait(time.Since(l.begun), l.Limit)
	return w.total, wait
}

// admit counts a request at a moment since the beginning, unless it has to wait.
func (w *window) admit(now time.Duration, limit int) (wait time.Duration) {
	if wait = w.wait(now, limit); wait == 0 {
		w.counts[w.last%ticks]++
		w.total++
	}
	return wait
}

// wait returns how long a request has to wait for room in the window; 0 when there is room now.
func (w *window) wait(now time.Duration, limit int) time.Duration {
	current := ticks + int64(now/tick) // the beginning has a whole window before it
	for t := max(w.last+1, current-ticks+1); t <= current; t++ {
		w.total -= w.counts[t%ticks]
		w.counts[t%ticks] = 0
	}
	w.last = current
	if w.total < limit {
		return 0
	}
	oldest := current - ticks + 1
	for w.counts[oldest%ticks] == 0 {
		oldest++
	}
	return time.Duration(oldest)*tick - now // that is when it leaves, since the ticks are a window ahead
}
