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
// strictly for a name from a network. Guessing so locks out the guesser before the user, who is elsewhere. Failures are
// forgotten with time. Logins under way do not count.
type throttle struct {
	mu       sync.Mutex
	guesses  *lru.Cache[guess, time.Time]
	names    *lru.Cache[nameHash, time.Time] // hashed: callers choose their length
	networks *lru.Cache[netip.Prefix, time.Time]
	failed   *lru.Cache[netip.Prefix, failures] // from networks, and from IPv6 providers
	failedAs *lru.Cache[nameHash, failures]
}

// guess is a name tried from a network.
type guess struct {
	name    nameHash
	network netip.Prefix
}

func guessOf(name, remote string) guess {
	return guess{sha256.Sum256([]byte(name)), networkOf(remote)}
}

// failures counts failed logins. The count starts over after failuresCount without a failure.
type failures struct {
	count int
	last  time.Time
}

// failuresCount is how long a failure counts for the penalty in the checkQueue. It is longer than a flood from thousands of
// addresses takes to return to the first of them.
const failuresCount = time.Hour

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
		guesses:  newLRU[guess, time.Time](throttled),
		names:    newLRU[nameHash, time.Time](throttled),
		networks: newLRU[netip.Prefix, time.Time](throttled),
		failed:   newLRU[netip.Prefix, failures](2 * throttled),
		failedAs: newLRU[nameHash, failures](throttled),
	}
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
	if recent(t.failed, g.network, now).count == 0 {
		named = time.Time{}
	}
	return max(perGuess.wait(guessed, now), perName.wait(named, now), perNetwork.wait(network, now), 0)
}

// candidate returns a login for the checkQueue. Its penalty is the number of recent failures from its network and, with IPv6,
// from its provider.
func (t *throttle) candidate(user credentials.User, remote string) candidate {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(user.Name, remote)
	c := candidate{network: g.network, name: g.name, penalty: recent(t.failed, g.network, now).count}
	if provider, ok := providerOf(g.network); ok {
		c.penalty += recent(t.failed, provider, now).count
	}
	c.trusted = user.Known() && recent(t.failedAs, g.name, now).count == 0
	return c
}

// recent returns the failures that still count.
func recent[K comparable](all *lru.Cache[K, failures], key K, now time.Time) failures {
	f, _ := all.Get(key)
	if now.Sub(f.last) > failuresCount {
		return failures{}
	}
	return f
}

func addFailure[K comparable](all *lru.Cache[K, failures], key K, now time.Time) {
	all.Add(key, failures{recent(all, key, now).count + 1, now})
}

// fail counts a failure.
func (t *throttle) fail(name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, g := time.Now(), guessOf(name, remote)
	guessed, _ := t.guesses.Get(g)
	t.guesses.Add(g, perGuess.add(guessed, now))
	named, _ := t.names.Get(g.name)
	t.names.Add(g.name, perName.add(named, now))
	network, _ := t.networks.Get(g.network)
	t.networks.Add(g.network, perNetwork.add(network, now))
	addFailure(t.failedAs, g.name, now)
	addFailure(t.failed, g.network, now)
	if provider, ok := providerOf(g.network); ok {
		addFailure(t.failed, provider, now)
	}
}

// add counts a failure. All failures are represented by the time when the last of them is forgotten.
func (a allowance) add(forgotten, now time.Time) time.Time {
	if forgotten.Before(now) {
		forgotten = now
	}
	return forgotten.Add(a.each)
}

// wait returns how long it takes until another failure is allowed. It is negative if one is allowed now.
func (a allowance) wait(forgotten, now time.Time) time.Duration {
	return forgotten.Sub(now.Add(time.Duration(a.failures-1) * a.each))
}
