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
	mu       sync.Mutex
	guesses  *lru.Cache[guess, failures]
	names    *lru.Cache[nameHash, failures]     // hashed: callers choose their length
	networks *lru.Cache[netip.Prefix, failures] // and IPv6 providers
}

// guess is a name tried from a network.
type guess struct {
	name    nameHash
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

// throttled is how many names, networks and guesses are remembered. Pushing out an entry takes as many failed logins, and so
// longer than it takes the entry to expire.
const throttled = 10_000

func newThrottle() *throttle {
	return &throttle{
		guesses: newLRU[guess, failures](throttled), names: newLRU[nameHash, failures](throttled), networks: newLRU[netip.Prefix, failures](2 * throttled),
	}
}

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
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remote)
	guessed, _ := t.guesses.Get(g)
	named, _ := t.names.Get(g.name)
	network, _ := t.networks.Get(g.network)
	wait := max(0, guessed.wait(perGuess, now), network.wait(perNetwork, now))
	if network.recent(now) > 0 {
		wait = max(wait, named.wait(perName, now))
	}
	return wait
}

// candidate returns a login for the checkQueue. Its penalty is the number of recent failures from its network and, with IPv6,
// from its provider.
func (t *throttle) candidate(user credentials.User, remote string) candidate {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(user.Name, remote)
	named, _ := t.names.Get(g.name)
	network, _ := t.networks.Get(g.network)
	c := candidate{network: g.network, name: g.name, penalty: network.recent(now), trusted: user.Known() && named.recent(now) == 0}
	if provider := providerOf(g.network); provider.IsValid() {
		failed, _ := t.networks.Get(provider)
		c.penalty += failed.recent(now)
	}
	return c
}

// fail counts a failure.
func (t *throttle) fail(name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remote)
	count(t.guesses, g, perGuess, now)
	count(t.names, g.name, perName, now)
	count(t.networks, g.network, perNetwork, now)
	if provider := providerOf(g.network); provider.IsValid() {
		count(t.networks, provider, perNetwork, now)
	}
}

func count[K comparable](all *lru.Cache[K, failures], key K, a allowance, now time.Time) {
	f, _ := all.Get(key)
	if f.forgotten.Before(now) {
		f.forgotten = now
	}
	all.Add(key, failures{f.forgotten.Add(a.each), f.recent(now) + 1, now})
}
