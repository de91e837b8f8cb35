package auth

import (
	"net/http"
	"net/netip"
	"time"
)

// Limits that tests wait for.
const (
	Remembered = remembered
	MaxWait    = maxWait
)

// ErrBusy refuses a login that has waited too long.
var ErrBusy = errBusy

func BasicAuth(header http.Header) (user, password string, ok bool) { return basicAuth(header) }

func NetworkOf(remote string) netip.Prefix { return networkOf(remote) }

// Slots returns how many passwords are checked at once.
func (l *Login) Slots() int { return l.queue.slots }

// Occupy takes all slots, each as soon as it is its turn, until free is closed.
func (l *Login) Occupy(number byte, free <-chan struct{}) {
	for i := range l.queue.slots {
		go func() {
			_ = l.queue.do(candidate{name: nameHash{number, byte(i)}}, func() error { <-free; return nil }, func() {})
		}()
	}
}

// RecentFailures returns how many logins have failed for a name.
func (l *Login) RecentFailures(name string) int {
	return l.throttle.of(guess{name: guessOf(name, "").name}).recent(time.Now())
}
