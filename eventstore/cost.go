package eventstore

import (
	"sync"
	"time"
)

// cost is how long something takes just now: an average in which the last times count most, and longer ones more. One that
// was not measured of late is halved again and again: what is not begun for being too slow is not measured either.
type cost struct {
	mu       sync.Mutex
	took     time.Duration
	measured time.Time
}

// costHalf is for how long a cost stays as it was measured, and then each half of it.
const costHalf = 5 * time.Second

func (c *cost) get() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took >> min(time.Since(c.measured)/costHalf, 63)
}

func (c *cost) observe(took time.Duration) {
	before := c.get()
	weight := time.Duration(4)
	if took > before {
		weight = 2
	}
	c.set(before + (took-before)/weight)
}

func (c *cost) set(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took, c.measured = took, time.Now()
}
