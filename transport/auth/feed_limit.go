package auth

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// FeedLimit bounds how many feeds a user has open at a time. It is safe for concurrent use.
type FeedLimit struct {
	limit int
	gauge prometheus.Gauge // of all open feeds
	mu    sync.Mutex
	users map[Caller]int
}

// feedRetry is when a user with too many feeds may try again.
const feedRetry = 5 * time.Second

// NewFeedLimit returns a limit for each user. gauge shows how many feeds are open.
func NewFeedLimit(limit int, gauge prometheus.Gauge) *FeedLimit {
	return &FeedLimit{limit: limit, gauge: gauge, users: make(map[Caller]int)}
}

// Open counts a feed until Close. It returns a *Refusal if the user may not have another one.
func (l *FeedLimit) Open(c Caller) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.limit == 0:
		return refused("This service has no feeds.", time.Hour)
	case l.users[c] >= l.limit:
		return refused(fmt.Sprintf("Too many feeds of this user are open: the limit is %d. Close one of them, or try again later.", l.limit), feedRetry)
	}
	l.users[c]++
	l.gauge.Inc()
	return nil
}

// Close forgets a feed.
func (l *FeedLimit) Close(c Caller) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gauge.Dec()
	if l.users[c]--; l.users[c] == 0 {
		delete(l.users, c)
	}
}
