package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// caller sends one request at a time.
type caller struct {
	load           *Load
	number         int
	group          Group
	user, password string
	connections    []*connection // to each address
	pending        []Operation   // with a key, whose outcome is not known
	keyed          []Operation   // with a key, which took effect: sent again, they have the same response
}

// remembered is how many operations a caller may send again.
const remembered = 20

func (l *Load) newCaller(number int, group Group) *caller {
	c := &caller{load: l, number: number, group: group}
	if l.options.Login != nil {
		c.user, c.password = l.options.Login(number)
	}
	for _, address := range l.addresses {
		c.connections = append(c.connections, &connection{address: address, keep: group.Keep})
	}
	return c
}

func (c *caller) drop() {
	for _, connection := range c.connections {
		connection.drop()
	}
}

// call sends one request after the other until the context ends.
func (c *caller) call(ctx context.Context) {
	defer c.drop()
	for ctx.Err() == nil {
		c.load.turn.RLock()
		c.step(ctx)
		c.load.turn.RUnlock()
		select {
		case <-ctx.Done():
		case <-time.After(c.group.Pause()):
		}
	}
}

// step sends one operation. One in forty is an earlier one that is sent again under its key.
func (c *caller) step(ctx context.Context) {
	if len(c.keyed) > 0 && rand.IntN(40) == 0 {
		c.repeat(c.keyed[rand.IntN(len(c.keyed))])
		return
	}
	target := c.load.targets[rand.IntN(len(c.load.targets))]
	o := target.next(c.group.ReadOnly, c.load.options.Uses)
	if o.Kind == "" {
		return
	}
	o.Caller, o.Request = c.number, fmt.Sprintf("%s-%d", c.load.prefix, c.load.named.Add(1))
	o.Called = c.load.Elapsed()
	o = c.until(ctx, o)
	target.learn(o)
	c.keep(o)
}

// keep records an operation, or keeps it to be repeated at the end until its outcome is known.
func (c *caller) keep(o Operation) {
	switch {
	case !o.Sent:
		return
	case o.Keyed && !o.Known():
		c.pending = append(c.pending, o)
		return
	case o.Keyed && o.Done():
		c.keyed = append(c.keyed, o)
		c.keyed = c.keyed[max(0, len(c.keyed)-remembered):]
	}
	c.load.record(o)
}

// until sends an operation, and one with a key again, through any replica, until its outcome is known.
func (c *caller) until(ctx context.Context, o Operation) Operation {
	begun := time.Now()
	for at := c.number % len(c.connections); ; at = rand.IntN(len(c.connections)) {
		o = c.attempt(o, at)
		if !o.Keyed || o.Known() || time.Since(begun) > c.load.options.Patience || ctx.Err() != nil {
			return o
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(c.group.Pause(), 100*time.Millisecond)):
		}
	}
}

// attempt sends an operation once, and counts it.
func (c *caller) attempt(o Operation, at int) Operation {
	sent := time.Now()
	e, err := c.send(o, at)
	took := time.Since(sent)
	o.Ended, o.Status, o.Tag, o.Warned = c.load.Elapsed(), 0, "", false
	o.Sent = o.Sent || !errors.Is(err, errNoConnection)
	if err == nil {
		if err := o.complete(e); err != nil {
			c.load.fault("%v", err)
		}
	}
	reason := failure(o.Status, e.content, err)
	c.load.counter.count(o, took, e.reconnected, reason)
	if reason != "" && o.Known() || o.Status == http.StatusInternalServerError {
		c.load.fault("%s %s: %s", o.Kind, o.Client, reason)
	}
	if limit := c.load.options.Limit; limit != nil && took > limit(o.Kind) {
		c.load.fault("%s through %s took %s: %d", o.Kind, c.connections[at].address.host(), took, o.Status)
	}
	return o
}

func (c *caller) send(o Operation, at int) (exchange, error) {
	connection := c.connections[at]
	request, err := o.request(connection.address.host())
	if err != nil {
		return exchange{}, err
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	return connection.do(request)
}

// repeat sends an operation that took effect again, whose response must be the same.
func (c *caller) repeat(first Operation) {
	o := first
	if o.Kind == Create {
		o.Client = ""
	}
	again := c.attempt(o, rand.IntN(len(c.connections)))
	if !again.Known() {
		return
	}
	if again.Status != first.Status || again.Client != first.Client || again.Tag != first.Tag {
		c.load.fault("%s with a key had response %d %s %s, and when it was sent again %d %s %s",
			first.Kind, first.Status, first.Client, first.Tag, again.Status, again.Client, again.Tag)
	}
}

// settle sends requests with a key whose outcome is not known again.
func (c *caller) settle() {
	defer c.drop()
	pending := c.pending
	c.pending = nil
	for _, o := range pending {
		for begun := time.Now(); !o.Known() && time.Since(begun) < responseTimeout; {
			o = c.attempt(o, rand.IntN(len(c.connections)))
			if !o.Known() {
				time.Sleep(100 * time.Millisecond)
			}
		}
		if !o.Known() {
			c.load.fault("%s %s with a key has no known outcome", o.Kind, o.Request)
		}
		c.load.record(o)
	}
}
