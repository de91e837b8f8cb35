package transport

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"sync"
	"time"
)

// throttle bounds how often somebody may fail to log in. It counts for each remote address, for each name, whether there
// is such a user or not, and most strictly for a name at an address, so that one who guesses keeps himself out before
// the user who is elsewhere. All of them forget with time. A failure counts after it has happened, so that nobody is held
// up by logins that are under way; there are never many of those.
type throttle struct {
	mu      sync.Mutex
	guesses *recent[guess, time.Time]
	names   *recent[[sha256.Size]byte, time.Time] // of names as long as callers like
	remotes *recent[netip.Prefix, time.Time]
}

// guess is a name that is tried at an address.
type guess struct {
	name   [sha256.Size]byte
	remote netip.Prefix
}

func guessOf(name, remoteAddr string) guess {
	return guess{sha256.Sum256([]byte(name)), networkOf(remoteAddr)}
}

// allowance is how many failures are for free, and how long it takes until one is forgotten.
type allowance struct {
	failures int
	each     time.Duration
}

// The allowances. An address may be a proxy that many users are behind.
var (
	perGuess  = allowance{failures: 10, each: 10 * time.Second}
	perName   = allowance{failures: 100, each: time.Second}
	perRemote = allowance{failures: 60, each: time.Second}
)

// throttled bounds for how many of each failures are remembered. It takes one failed login for each to make
// the throttle forget somebody, which takes longer than forgetting by time does.
const throttled = 10_000

func newThrottle() *throttle {
	return &throttle{
		guesses: newRecent[guess, time.Time](throttled),
		names:   newRecent[[sha256.Size]byte, time.Time](throttled),
		remotes: newRecent[netip.Prefix, time.Time](throttled),
	}
}

// wait answers how long a login has to wait for its turn; 0 when it may be tried now.
func (t *throttle) wait(name, remoteAddr string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remoteAddr)
	guessed, _ := t.guesses.get(g)
	named, _ := t.names.get(g.name)
	remote, _ := t.remotes.get(g.remote)
	return max(perGuess.wait(guessed, now), perName.wait(named, now), perRemote.wait(remote, now), 0)
}

// failed counts a failure.
func (t *throttle) failed(name, remoteAddr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remoteAddr)
	guessed, _ := t.guesses.get(g)
	t.guesses.put(g, perGuess.add(guessed, now))
	named, _ := t.names.get(g.name)
	t.names.put(g.name, perName.add(named, now))
	remote, _ := t.remotes.get(g.remote)
	t.remotes.put(g.remote, perRemote.add(remote, now))
}

// Failures are remembered as the moment at which the last of them will be forgotten.

// add counts one failure more.
func (a allowance) add(forgotten, now time.Time) time.Time {
	if forgotten.Before(now) {
		forgotten = now
	}
	return forgotten.Add(a.each)
}

// wait answers how long it takes until another failure fits in. It is negative where there is room.
func (a allowance) wait(forgotten, now time.Time) time.Duration {
	return forgotten.Sub(now.Add(time.Duration(a.failures-1) * a.each))
}

// networkOf is who shares the failures of an address: the address alone, and of IPv6 what one customer is given.
func networkOf(remoteAddr string) netip.Prefix {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		host = remoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits)
	return network
}
