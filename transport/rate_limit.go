package transport

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit bounds how many requests each user sends. A user who has been quiet may send all of them at once.
type RateLimit struct {
	most  int
	mu    sync.Mutex
	users map[string]*rate.Limiter
}

// ratePeriod is the time to which the most requests belong.
const ratePeriod = 15 * time.Second

// NewRateLimit lets each user send most requests in 15 s; 0 is no limit.
func NewRateLimit(most int) *RateLimit {
	if most == 0 {
		return nil
	}
	return &RateLimit{most: most, users: make(map[string]*rate.Limiter)}
}

// wait answers how long a user has to wait before he may send his request; 0 for not at all.
func (l *RateLimit) wait(user string) time.Duration {
	l.mu.Lock()
	limiter := l.users[user] // there are only as many as there are users
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(float64(l.most)/ratePeriod.Seconds()), l.most)
		l.users[user] = limiter
	}
	l.mu.Unlock()
	reservation := limiter.Reserve()
	wait := reservation.Delay()
	if wait > 0 {
		reservation.Cancel()
	}
	return wait
}

var errRate = &httpError{http.StatusServiceUnavailable, "There were too many requests. Please try again later."}

// limit refuses the request of a user who has sent too many.
func (x *exchange) limit() error {
	if x.api.RateLimit == nil {
		return nil
	}
	wait := x.api.RateLimit.wait(x.account + "/" + x.actor)
	if wait == 0 {
		return nil
	}
	x.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return errRate
}
