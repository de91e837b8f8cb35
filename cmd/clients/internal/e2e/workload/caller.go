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
	keyed          []Operation   // with a key, which took effect: sent again, they have the same response
}

const (
	remembered = 20 // how many operations a caller may send again
	retryPause = 40 * time.Millisecond
	knownLimit = time.Minute // for the outcome of a request with a key
)

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
		c.step()
		c.load.turn.RUnlock()
		select {
		case <-ctx.Done():
		case <-time.After(c.group.Pause()):
		}
	}
}

// step sends one operation. One in forty is an earlier one that is sent again under its key.
func (c *caller) step() {
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
	o.Called = time.Since(c.load.begun)
	o = c.execute(o)
	target.learn(o)
	if !o.Sent {
		return
	}
	c.load.record(o)
	if o.Keyed && o.Done() {
		c.keyed = append(c.keyed, o)
		c.keyed = c.keyed[max(0, len(c.keyed)-remembered):]
	}
}

// execute sends an operation, and one with a key again, through any replica, until its outcome is known.
func (c *caller) execute(o Operation) Operation {
	begun := time.Now()
	for at := c.number % len(c.connections); ; at = rand.IntN(len(c.connections)) {
		o = c.attempt(o, at)
		if !o.Keyed || o.Known() {
			return o
		}
		if time.Since(begun) > knownLimit {
			c.load.fault("%s %s with a key has no known outcome", o.Kind, o.Request)
			return o
		}
		time.Sleep(retryPause)
	}
}

// attempt sends an operation once, and counts it.
func (c *caller) attempt(o Operation, at int) Operation {
	sent := time.Now()
	response, content, err := c.send(o, at)
	took := time.Since(sent)
	o.Ended, o.Status, o.Tag, o.Warned = time.Since(c.load.begun), 0, "", false
	o.Sent = o.Sent || !errors.Is(err, errNoConnection)
	if err == nil {
		if err := o.complete(response, content); err != nil {
			c.load.fault("%v", err)
		}
	}
	reason := failure(o.Status, content, err)
	c.load.count(o, reason)
	if reason != "" && o.Known() || o.Status == http.StatusInternalServerError {
		c.load.fault("%s %s: %s", o.Kind, o.Client, reason)
	}
	if limit := c.load.options.Limit; limit != nil && took > limit(o.Kind) {
		c.load.fault("%s through %s took %s: %d", o.Kind, c.connections[at].address.host(), took, o.Status)
	}
	return o
}

func (c *caller) send(o Operation, at int) (*http.Response, []byte, error) {
	connection := c.connections[at]
	request, err := o.request(connection.address.host())
	if err != nil {
		return nil, nil, err
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
