package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// caller is one who sends a request at a time, and knows what each read has to show him.
type caller struct {
	load           *load
	user, password string
	host           string
	connection
	pause      func() time.Duration
	clients    []*client
	ended      []*client // deleted, or perhaps
	perhaps    []string  // the names of those whose creation has an unknown outcome
	unanswered []keyed
	settled    []keyed
}

// enough is how many clients a caller has before he deletes any.
const enough = 20

// call sends one request after the other until the context ends.
func (c *caller) call(ctx context.Context) {
	defer c.drop()
	for n := rand.IntN(20); ctx.Err() == nil; n++ {
		c.load.turn.RLock()
		c.step(n)
		c.load.turn.RUnlock()
		select {
		case <-ctx.Done():
		case <-time.After(c.pause()):
		}
	}
}

// step is one request: of twenty two make a client, eight change or delete one, and the others read.
func (c *caller) step(n int) {
	switch n %= 20; {
	case n == 1:
		c.createOnce()
	case n == 0 || len(c.clients) == 0:
		c.create()
	case n < 6:
		c.update(c.one())
	case n == 6:
		c.toggle(c.one())
	case n < 9 && len(c.clients) > enough:
		c.delete(rand.IntN(len(c.clients)))
	case n == 9 && len(c.ended) > 0:
		c.read(c.ended[rand.IntN(len(c.ended))])
	default:
		c.read(c.one())
	}
}

func (c *caller) one() *client { return c.clients[rand.IntN(len(c.clients))] }

// unlike is a name that nothing else has.
func unlike() string { return fmt.Sprintf("drill %016x", rand.Uint64()) }

func (c *caller) create() {
	name := unlike()
	if a, ok := c.ask(request{method: "POST", path: "/clients", body: naming(name)}, http.StatusCreated); ok {
		c.made(a.location, name)
	} else {
		c.perhaps = append(c.perhaps, name)
	}
}

func (c *caller) made(path, name string) {
	c.clients = append(c.clients, &client{path: path, may: []state{{name: name, active: true}}})
}

func (c *caller) update(client *client) {
	name := unlike()
	_, ok := c.ask(request{method: "PUT", path: client.path, body: naming(name)}, http.StatusOK)
	client.changed(ok, renamed(name))
}

func (c *caller) toggle(client *client) {
	_, ok := c.ask(request{method: "POST", path: client.path + "/toggle"}, http.StatusOK)
	client.changed(ok, toggled)
}

func (c *caller) delete(n int) {
	client := c.clients[n]
	_, ok := c.ask(request{method: "DELETE", path: client.path}, http.StatusOK)
	client.changed(ok, deleted)
	c.clients = slices.Delete(c.clients, n, n+1)
	c.ended = append(c.ended, client)
}

func (c *caller) read(client *client) {
	a, ok := c.ask(request{method: "GET", path: client.path}, http.StatusOK, http.StatusNotFound)
	if !ok || a.warned {
		return
	}
	if got, err := a.was(); err != nil || !client.is(got) {
		c.load.counter.stale()
		log.Printf("stale: %s is %+v (%v), and none of %+v", client.path, got, err, client.may)
	}
}
