package main

import (
	"math/rand/v2"
	"net/http"
)

// keyed is a client that is made once, however often it is asked for.
type keyed struct{ key, name, path string }

func (k keyed) request() request {
	return request{method: "POST", path: "/clients", body: naming(k.name), key: k.key}
}

// createOnce asks for a client with a key: for one that was not answered before, if there is any, and now and then for one
// that was.
func (c *caller) createOnce() {
	if len(c.settled) > 0 && len(c.unanswered) == 0 && rand.IntN(4) == 0 {
		k := c.settled[rand.IntN(len(c.settled))]
		if a, ok := c.ask(k.request(), http.StatusCreated); ok && a.location != k.path {
			c.load.found("%s was made with a key, and %s when it was sent again", k.path, a.location)
		}
		return
	}
	k := keyed{key: unlike(), name: unlike()}
	if len(c.unanswered) > 0 {
		k, c.unanswered = c.unanswered[0], c.unanswered[1:]
	}
	if a, ok := c.ask(k.request(), http.StatusCreated); ok {
		c.settle(k, a.location)
	} else {
		c.unanswered = append(c.unanswered, k)
	}
}

// settle notes that a client was made.
func (c *caller) settle(k keyed, path string) {
	k.path = path
	c.settled = append(c.settled, k)
	c.made(path, k.name)
}
