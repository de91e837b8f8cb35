package transport

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// rateLimit admits a number of requests per user in any window of 15 s. What is refused does not count, so that whoever
// asks again and again gets in when there is room. It counts for this process alone.
type rateLimit struct {
	limit int
	begun time.Time // what is counted is counted from here: no setting of the clock changes it
	mu    sync.Mutex
	users *lru.Cache[caller, *window]
}

// caller is whose requests are counted together.
type caller struct{ account, actor string }

// A window is counted in ticks, so that a user takes the same memory whatever the limit is. It is a tick longer than
// it has to be: a request counts for 15 s at least, and for one tick more at most.
const (
	windowLength = 15 * time.Second
	tick         = 250 * time.Millisecond
	ticks        = int64(windowLength/tick) + 1
)

// window is how many requests there were in each of the last ticks.
type window struct {
	counts [ticks]int
	total  int
	last   int64 // the tick up to which counts is right
}

// maxCallers bounds how many users are counted. A user who is forgotten has not asked for longer than all these.
const maxCallers = 20_000

func newRateLimit(limit int) *rateLimit {
	return &rateLimit{limit: limit, begun: time.Now(), users: newLRU[caller, *window](maxCallers)}
}

// admit counts a request, or answers when there is room for it again.
func (l *rateLimit) admit(c caller) error {
	if l.limit == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.users.Get(c)
	if !found {
		w = &window{}
		l.users.Add(c, w)
	}
	wait := w.admit(time.Since(l.begun), l.limit)
	if wait == 0 {
		return nil
	}
	return &httpError{
		http.StatusServiceUnavailable, fmt.Sprintf("There have been %d requests within 15 seconds. Try again in %s s.", l.limit, seconds(wait)), wait,
	}
}

// status returns how many requests of a caller count and, if the next one would be refused, for how long.
func (l *rateLimit) status(c caller) (count int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.users.Get(c)
	if !found {
		return 0, 0
	}
	wait = w.wait(time.Since(l.begun), l.limit)
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
