package main

import (
	"sync"
	"time"
)

// tally is what there was in a phase.
type tally struct {
	Phase      string         `json:"phase"`
	Seconds    float64        `json:"seconds"`
	Requests   int            `json:"requests"`
	Failures   int            `json:"failures"`
	Why        map[string]int `json:"why,omitempty"`
	LongestGap float64        `json:"longest_gap_seconds"` // between two successes, of whichever caller
	Slowest    float64        `json:"slowest_seconds"`
}

// counter counts a phase.
type counter struct {
	mu          sync.Mutex
	current     tally
	begun       time.Time
	lastSuccess time.Time
}

// next begins a phase and answers the one before.
func (c *counter) next(name string) tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	ended := c.current
	ended.Seconds = now.Sub(c.begun).Seconds()
	ended.LongestGap = max(ended.LongestGap, now.Sub(c.lastSuccess).Seconds())
	c.current, c.begun, c.lastSuccess = tally{Phase: name, Why: make(map[string]int)}, now, now
	return ended
}

// count counts a request; why is empty where it did what it should.
func (c *counter) count(took time.Duration, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.current.Requests++
	c.current.Slowest = max(c.current.Slowest, took.Seconds())
	if why != "" {
		c.current.Failures++
		c.current.Why[why]++
		return
	}
	c.current.LongestGap = max(c.current.LongestGap, now.Sub(c.lastSuccess).Seconds())
	c.lastSuccess = now
}
