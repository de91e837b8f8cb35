package workload

import (
	"sync"
	"time"
)

// Tally counts the requests of a phase of the load.
type Tally struct {
	Phase         string
	Strict        bool          // no request may fail
	Begun, Ended  time.Duration // since the load began
	Requests      int
	Failures      map[string]int // requests without a usable response, by reason
	Warnings      int            // reads with a Warning, which may have been out of date
	Stale         int            // reads that were out of date without a Warning
	Reconnects    int            // connections that were closed while they were idle
	Gap, WriteGap time.Duration  // the longest between two successes, and between two successful writes
	Slowest       time.Duration
}

func (t Tally) failed() (sum int) {
	for _, n := range t.Failures {
		sum += n
	}
	return sum
}

// counter counts the requests of each phase.
type counter struct {
	mu              sync.Mutex
	start           time.Time
	ended           []Tally
	current         Tally
	success, writes time.Time // the last ones
}

// next ends the phase at the time at which that was requested, and begins another.
func (c *counter) next(name string, strict bool, requested time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.Phase != "" {
		c.current.Ended = requested.Sub(c.start)
		c.current.Gap = max(c.current.Gap, requested.Sub(c.success))
		c.current.WriteGap = max(c.current.WriteGap, requested.Sub(c.writes))
		c.ended = append(c.ended, c.current)
	}
	now := time.Now()
	c.current = Tally{Phase: name, Strict: strict, Begun: now.Sub(c.start), Failures: map[string]int{}}
	c.success, c.writes = now, now
}

// count counts a request. The reason of its failure is empty if it has a usable response.
func (c *counter) count(o Operation, took time.Duration, reconnected bool, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, t := time.Now(), &c.current
	t.Requests++
	t.Slowest = max(t.Slowest, took)
	if reconnected {
		t.Reconnects++
	}
	if reason != "" {
		t.Failures[reason]++
		return
	}
	if o.Warned {
		t.Warnings++
	}
	t.Gap, c.success = max(t.Gap, now.Sub(c.success)), now
	if o.Kind != Get {
		t.WriteGap, c.writes = max(t.WriteGap, now.Sub(c.writes)), now
	}
}

// Phases returns the phases that have ended.
func (l *Load) Phases() []Tally {
	l.counter.mu.Lock()
	defer l.counter.mu.Unlock()
	return append([]Tally(nil), l.counter.ended...)
}
