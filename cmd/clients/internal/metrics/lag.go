package metrics

import (
	"sync"
	"time"
)

// lag is how far, and for how long, a reader is behind a stream. It knows the last sequences that were observed: without a
// newer observation it does not begin to grow.
type lag struct {
	mu           sync.Mutex
	observations []observation // of what the reader has not reached, the oldest first
}

// observation is the time at which a stream was found to have grown to a sequence.
type observation struct {
	sequence uint64
	at       time.Time
}

// maxObservations bounds memory: beyond it the newest observation covers everything that follows.
const maxObservations = 4096

// observe records the last sequence of a stream. A lower one than before replaces what was observed above it.
func (l *lag) observe(last uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.observations)
	for n > 0 && l.observations[n-1].sequence >= last {
		n--
	}
	if n < len(l.observations) {
		now = l.observations[n].at // the stream has reached that far since then
	}
	l.observations = l.observations[:n]
	if n == maxObservations {
		l.observations[n-1].sequence = last
		return
	}
	l.observations = append(l.observations, observation{last, now})
}

// reset forgets all observations: the stream is another one, or gone.
func (l *lag) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.observations = nil
}

// behind returns how many messages a reader that has reached a sequence is behind, and how long the first of them has been
// known.
func (l *lag) behind(reached uint64, now time.Time) (messages uint64, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.observations) > 0 && l.observations[0].sequence <= reached {
		l.observations = l.observations[1:]
	}
	if len(l.observations) == 0 {
		return 0, 0
	}
	return l.observations[len(l.observations)-1].sequence - reached, now.Sub(l.observations[0].at)
}
