// Package auth decides who sends a request, and whether they may send it now.
//
// A request passes these steps, in this order:
//
//	CallerAddress    the address of the caller, behind trusted proxies
//	basicAuth        the name and the password in the Authorization header
//	Login.recall     a password that was checked a short time ago: no bcrypt
//	throttle.wait    too many failed logins from the network, or for the name: 503
//	checkQueue.do    waits for a share of the processors
//	User.Verify      bcrypt
//	RateLimit.Admit  requests of the user within 15 s
//
// # Guarantees
//
//   - Password checks take at most half of the processors, and a user without failed logins does not wait for a flood of
//     wrong passwords from others: see checkQueue.
//   - The response to a wrong name and to a wrong password takes the same time.
//   - A user who is removed, or gets another password, is refused with the next reload of the credentials: results are
//     remembered under a keyed hash that includes the present bcrypt hash.
//   - Memory is bounded: everything remembered of callers is in caches that drop the least recently used entry.
//
// All limits count for this process alone.
//
// # Libraries that are not used
//
//   - golang-lru's expirable cache renews no entry on use, and its goroutine never ends.
//   - x/time/rate admits twice the limit within one window.
//   - x/sync/singleflight would give requests with the same login one place in the queue, that of the first one, whose
//     network may have failures that the others' networks do not have.
package auth

import (
	"math"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Refusal is why a request is not admitted. The message is for the caller.
type Refusal struct {
	Status     int
	Message    string
	RetryAfter time.Duration // 0 if retrying does not help
}

func (r *Refusal) Error() string { return r.Message }

// The refusals that are always the same.
var (
	ErrLogin = &Refusal{Status: http.StatusUnauthorized, Message: "Authentication failed for API request."}
	errBusy  = refused("Too many logins are in progress. Try again later.", time.Second)
)

// refused returns a refusal of a caller who may retry after some time.
func refused(message string, retryAfter time.Duration) *Refusal {
	return &Refusal{http.StatusServiceUnavailable, message, retryAfter}
}

// Seconds returns a time to wait as the Retry-After header has it: whole seconds, at least one, and never too short.
func Seconds(wait time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))) }

// newLRU returns a cache whose new entries replace the least recently used ones.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil { // the size is not positive
		panic(err)
	}
	return cache
}
