package main

import (
	"sync"
	"time"
)

// tally is what there was in a phase.
type tally struct {
	phase      string
	strict     bool // no request may fail in it
	took       time.Duration
	requests   int
	failures   int
	why        map[string]int
	warnings   int           // reads that may have been out of date, and said so
	stale      int           // reads that were, and did not
	reconnects int           // connections that were closed while nothing was under way on them
	gap        time.Duration // the longest between two successes, of whichever caller
	writeGap   time.Duration // the same of writes
	slowest    time.Duration
}

// counter counts the requests of each phase.
type counter struct {
	mu              sync.Mutex
	ended           []tally
	current         tally
	begun           time.Time
	success, writes time.Time // the last ones
}

// next ends the phase at the moment at which that was asked, and begins another.
func (c *counter) next(name string, strict bool, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.phase != "" {
		c.current.took = asked.Sub(c.begun)
		c.current.gap = max(c.current.gap, asked.Sub(c.success))
		c.current.writeGap = max(c.current.writeGap, asked.Sub(c.writes))
		c.ended = append(c.ended, c.current)
	}
	now := time.Now()
	c.current = tally{phase: name, strict: strict, why: make(map[string]int)}
	c.begun, c.success, c.writes = now, now, now
}

// count counts a request; why is empty where it did what it should.
func (c *counter) count(write bool, a answer, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, t := time.Now(), &c.current
	t.requests++
	t.slowest = max(t.slowest, a.took)
	if a.reconnected {
		t.reconnects++
	}
	if why != "" {
		t.failures++
		t.why[why]++
		return
	}
	if a.warned {
		t.warnings++
	}
	t.gap, c.success = max(t.gap, now.Sub(c.success)), now
	if write {
		t.writeGap, c.writes = max(t.writeGap, now.Sub(c.writes)), now
	}
}

func (c *counter) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.stale++
}

// phases are those that have ended.
func (c *counter) phases() []tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]tally(nil), c.ended...)
}
