package workload

import (
	"math/rand/v2"
	"net/http"
	"sync"
)

// target is one of the clients that callers use. When it is deleted, another one replaces it.
type target struct {
	mu       sync.Mutex
	client   string // its path; "" before it is created
	creating bool
	tag      string // of a recent response
	used     int
}

// next chooses an operation on the target. It has no kind while another caller creates the client.
func (c *target) next(readOnly bool, uses int) (o Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch dice := rand.N(100); {
	case c.creating, c.client == "" && readOnly:
		return o
	case readOnly:
		o.Kind = Get
	case c.client == "":
		c.creating, c.used = true, 0
		return Operation{Kind: Create, Keyed: rand.N(2) == 0}
	case c.used > uses, dice < 1:
		o.Kind = Delete
	case dice < 45:
		o.Kind = Get
	case dice < 80:
		o.Kind, o.Keyed = Update, dice < 52
	default:
		o.Kind, o.Keyed = Toggle, dice < 85
	}
	if !readOnly {
		c.used++
	}
	o.Client = c.client
	if o.Kind != Get && rand.N(3) == 0 {
		o.IfMatch = c.tag
	}
	return o
}

// learn updates the target from the outcome of an operation.
func (c *target) learn(o Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case o.Kind == Create:
		c.client, c.tag, c.creating = o.Client, o.Tag, false
	case o.Client != c.client:
	case o.Kind == Delete && o.Done(), o.Status == http.StatusNotFound && !o.Warned:
		c.client = ""
	case o.Tag != "":
		c.tag = o.Tag
	}
}
