package eventstore

import (
	"sync/atomic"
	"time"
)

// cost is how long something takes just now: an average in which the last times count most, and longer ones more.
type cost struct{ nanoseconds atomic.Int64 }

func (c *cost) get() time.Duration { return time.Duration(c.nanoseconds.Load()) }

func (c *cost) observe(took time.Duration) {
	before := c.get()
	weight := time.Duration(4)
	if took > before {
		weight = 2
	}
	c.nanoseconds.Store(int64(before + (took-before)/weight))
}
