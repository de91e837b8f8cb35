package auth

import (
	"fmt"
	"slices"
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
	mu      sync.Mutex
	users   *lru.Cache[Caller, []time.Time] // when the requests that count were admitted, the oldest first
}

// Caller is whose requests are counted together.
type Caller struct{ Account, User string }

// Window is how long a request counts.
const Window = 15 * time.Second

// maxCallers bounds how many users are counted.
const maxCallers = 20_000

// NewRateLimit returns a RateLimit.
func NewRateLimit(limit int, metrics *Metrics) *RateLimit {
	return &RateLimit{Limit: limit, metrics: metrics, users: newLRU[Caller, []time.Time](maxCallers)}
}

// Admit counts a request. It returns a *Refusal if the limit is reached.
func (l *RateLimit) Admit(c Caller) error {
	if l.Limit == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	admitted, wait := l.status(c, now)
	if wait == 0 {
		l.users.Add(c, append(admitted, now))
		return nil
	}
	l.metrics.rateLimited.Inc()
	return refused(fmt.Sprintf("More than %d requests within 15 seconds. Try again in %s s.", l.Limit, Seconds(wait)), wait)
}

// Status returns how many requests of a caller count and, if the next one would be refused, for how long.
func (l *RateLimit) Status(c Caller) (count int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	admitted, wait := l.status(c, time.Now())
	return len(admitted), wait
}

func (l *RateLimit) status(c Caller, now time.Time) (admitted []time.Time, wait time.Duration) {
	admitted, _ = l.users.Get(c)
	begin := now.Add(-Window)
	counting := slices.IndexFunc(admitted, func(at time.Time) bool { return at.After(begin) })
	if counting < 0 {
		return nil, 0
	}
	if admitted = admitted[counting:]; len(admitted) < l.Limit {
		return admitted, 0
	}
	return admitted, admitted[0].Sub(begin)
}
