package transport

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"clients/transport/credentials"

	lru "github.com/hashicorp/golang-lru/v2"
)

// throttle bounds how many logins may fail: for each network, for each name, whether there is such a user or not, and most
// strictly for a name from a network, so that guessing locks out the guesser before the user who is elsewhere. It forgets
// failures with time. They count when they have happened: logins under way do not.
type throttle struct {
	mu       sync.Mutex
	guesses  *lru.Cache[guess, time.Time]
	names    *lru.Cache[nameHash, time.Time] // hashed: callers choose their length
	networks *lru.Cache[netip.Prefix, time.Time]
	failed   *lru.Cache[netip.Prefix, failures] // from networks, and from IPv6 providers
	failedAs *lru.Cache[nameHash, failures]
}

// guess is a name that is tried from a network.
type guess struct {
	name    nameHash
	network netip.Prefix
}

func guessOf(name, remote string) guess {
	return guess{sha256.Sum256([]byte(name)), networkOf(remote)}
}

// failures is how many logins have failed since the last time that none failed for as long as failuresCount.
type failures struct {
	count int
	last  time.Time
}

// failuresCount is how long a failure counts for the order of the checkQueue. It is longer than a flood from thousands of
// addresses takes to come round to the first of them again.
const failuresCount = time.Hour

// allowance is how many failures are free, and how long it takes until one is forgotten.
type allowance struct {
	failures int
	each     time.Duration
}

// The allowances. An address may be a proxy of many users.
var (
	perGuess   = allowance{failures: 10, each: 10 * time.Second}
	perName    = allowance{failures: 100, each: time.Second}
	perNetwork = allowance{failures: 60, each: time.Second}
)

// throttled bounds for how many of each failures are remembered. It takes one failed login for each to make
// the throttle forget one, which takes longer than forgetting by time does.
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

// wait returns how long a login has to wait before it may be tried; 0 when it may be tried now. Failures from elsewhere do
// not hold up a user whose own network has none.
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

// candidate returns a login for the queue. Its penalty is how many logins have failed lately from the network and, with
// IPv6, from its provider.
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

// Failures are remembered as the moment at which the last of them will be forgotten.

// add counts one failure more.
func (a allowance) add(forgotten, now time.Time) time.Time {
	if forgotten.Before(now) {
		forgotten = now
	}
	return forgotten.Add(a.each)
}

// wait returns how long it takes until another failure fits in. It is negative where there is room.
func (a allowance) wait(forgotten, now time.Time) time.Duration {
	return forgotten.Sub(now.Add(time.Duration(a.failures-1) * a.each))
}
