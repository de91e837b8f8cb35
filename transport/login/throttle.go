package login

import (
	"sync"
	"time"
)

// limit is how often somebody may be wrong at once, and after how long once more.
type limit struct {
	burst int
	every time.Duration
}

// A user may be attacked from everywhere, and a remote host may try every user. A password that is remembered gets in
// all the same, so that nobody can lock out who is at work.
var (
	userFailures   = limit{burst: 30, every: 2 * time.Second}
	remoteFailures = limit{burst: 60, every: time.Second}
)

// throttle counts failures. Who has had none for long is forgotten.
type throttle struct {
	mu   sync.Mutex
	seen map[string]*bucket
}

// bucket fills with failures and empties with time.
type bucket struct {
	failures float64
	at       time.Time
}

// maxBuckets bounds what is remembered: an attacker can make up names.
const maxBuckets = 20_000

func (t *throttle) exceeded(who string, l limit) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.seen[who]
	return b != nil && b.level(l) >= float64(l.burst)
}

func (t *throttle) count(who string, l limit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.seen[who]
	if b == nil {
		if len(t.seen) >= maxBuckets {
			t.forget()
		}
		b = &bucket{}
		t.seen[who] = b
	}
	b.failures = b.level(l) + 1
	b.at = time.Now()
}

func (b *bucket) level(l limit) float64 {
	return max(0, b.failures-float64(time.Since(b.at))/float64(l.every))
}

// forget drops those whose failures are long ago; if all are recent, everybody begins anew.
func (t *throttle) forget() {
	const long = 2 * time.Minute
	for who, b := range t.seen {
		if time.Since(b.at) > long {
			delete(t.seen, who)
		}
	}
	if len(t.seen) >= maxBuckets {
		clear(t.seen)
	}
}
