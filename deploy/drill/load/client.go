package main

import "slices"

// state is what a client is at.
type state struct {
	name         string
	active, gone bool
}

// client is one that a caller has made, and alone writes to.
type client struct {
	path string
	may  []state // what it may be by now: one, or several after an outcome that nobody knows
}

// changed notes a change. One whose outcome nobody knows may have happened or not.
func (c *client) changed(done bool, change func(state) state) {
	var after []state
	for _, before := range c.may {
		if !before.gone {
			after = append(after, change(before))
		}
	}
	if !done {
		after = append(after, c.may...)
	}
	c.may = nil
	for _, each := range after {
		if !c.is(each) {
			c.may = append(c.may, each)
		}
	}
}

func (c *client) is(s state) bool { return slices.Contains(c.may, s) }

func renamed(name string) func(state) state {
	return func(s state) state { s.name = name; return s }
}

func toggled(s state) state { s.active = !s.active; return s }

func deleted(state) state { return state{gone: true} }
