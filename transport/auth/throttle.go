package auth

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"clients/transport/credentials"

	lru "github.com/hashicorp/golang-lru/v2"
)

// throttle bounds how many logins may fail: from a network, for a name, whether there is such a user or not, and most
// strictly for a name from a network. So guessing locks out the network that guesses before the user, who is elsewhere.
// Failures are forgotten with time. Logins under way do not count.
type throttle struct {
	mu     sync.Mutex // held while a failure is counted
	failed *lru.Cache[guess, failures]
}

// guess is a name tried from a network; a name alone; or a network alone, also that of an IPv6 provider.
type guess struct {
	name    nameHash // hashed: callers choose its length
	network netip.Prefix
}

func guessOf(name, remote string) guess {
	return guess{sha256.Sum256([]byte(name)), networkOf(remote)}
}

// allowance is how many failures are allowed, and how long it takes until one is forgotten.
type allowance struct {
	failures int
	each     time.Duration
}

// The allowances. An address may be a proxy with many users.
var (
	perGuess   = allowance{failures: 10, each: 10 * time.Second}
	perName    = allowance{failures: 100, each: time.Second}
	perNetwork = allowance{failures: 60, each: time.Second}
)

// throttled is how many failed logins are remembered, each of which is up to four guesses. Pushing out an entry takes as many, and
// so longer than it takes the entry to expire.
const throttled = 10_000

func newThrottle() *throttle { return &throttle{failed: newLRU[guess, failures](4 * throttled)} }

// failures are the failed logins of a guess, a name or a network.
type failures struct {
	forgotten time.Time // when the last of them is forgotten by the allowance
	count     int       // how many there were without a pause of failuresCount
	last      time.Time
}

// failuresCount is how long a failure counts for the penalty in the checkQueue. It is longer than a flood from thousands of
// addresses takes to return to the first of them.
const failuresCount = time.Hour

// recent returns the number of failures that count for the penalty.
func (f failures) recent(now time.Time) int {
	if now.Sub(f.last) > failuresCount {
		return 0
	}
	return f.count
}

// wait returns how long it takes until another failure is allowed. It is not positive if one is allowed now.
func (f failures) wait(a allowance, now time.Time) time.Duration {
	return f.forgotten.Sub(now.Add(time.Duration(a.failures-1) * a.each))
}

// wait returns how long it takes until a login may be tried, 0 if it may be tried now. A user whose own network has no
// failures does not wait for failures from elsewhere.
func (t *throttle) wait(name, remote string) time.Duration {
	now, g := time.Now(), guessOf(name, remote)
	network := t.of(guess{network: g.network})
	wait := max(0, t.of(g).wait(perGuess, now), network.wait(perNetwork, now))
	if network.recent(now) > 0 {
		wait = max(wait, t.of(guess{name: g.name}).wait(perName, now))
	}
	return wait
}

// candidate returns a login for the checkQueue. Its penalty is the number of recent failures from its network and, with IPv6,
// from its provider.
func (t *throttle) candidate(user credentials.User, remote string) candidate {
	now, g := time.Now(), guessOf(user.Name, remote)
	penalty := t.of(guess{network: g.network}).recent(now)
	if provider := providerOf(g.network); provider.IsValid() {
		penalty += t.of(guess{network: provider}).recent(now)
	}
	trusted := user.Known() && t.of(guess{name: g.name}).recent(now) == 0
	return candidate{network: g.network, name: g.name, penalty: penalty, trusted: trusted}
}

// of returns the failures of a guess.
func (t *throttle) of(g guess) failures {
	f, _ := t.failed.Get(g)
	return f
}

// fail counts a failure.
func (t *throttle) fail(name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remote)
	t.count(g, perGuess, now)
	t.count(guess{name: g.name}, perName, now)
	t.count(guess{network: g.network}, perNetwork, now)
	if provider := providerOf(g.network); provider.IsValid() {
		t.count(guess{network: provider}, perNetwork, now)
	}
}

func (t *throttle) count(g guess, a allowance, now time.Time) {
	f := t.of(g)
	if f.forgotten.Before(now) {
		f.forgotten = now
	}
	t.failed.Add(g, failures{f.forgotten.Add(a.each), f.recent(now) + 1, now})
}
