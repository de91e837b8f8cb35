package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// check looks whether the service holds what was answered and nothing else. Only once the callers have ended.
func (l *load) check(ctx context.Context) {
	for _, c := range l.callers {
		l.working.Go(func() {
			c.settleAll(ctx)
			c.lookForAll(ctx)
			c.drop()
		})
	}
	l.working.Wait()
	listed, err := l.list(ctx)
	if err != nil {
		l.found("no list of all clients: %v", err)
		return
	}
	l.compare(listed)
}

// insist sends a request until it is answered by what is known now.
func (c *caller) insist(ctx context.Context, r request, wanted ...int) (a answer, err error) {
	for range 30 {
		a = c.send(r)
		why := a.failed(wanted...)
		if why == "" && !a.warned {
			return a, nil
		}
		err = fmt.Errorf("%s %s: %s (warned: %t)", r.method, r.path, why, a.warned)
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return a, err
}

// settleAll sends again what has a key and was not answered.
func (c *caller) settleAll(ctx context.Context) {
	for _, k := range c.unanswered {
		if a, err := c.insist(ctx, k.request(), http.StatusCreated); err != nil {
			c.load.found("%q was asked for with a key, and never answered: %v", k.name, err)
		} else {
			c.settle(k, a.location)
		}
	}
	c.unanswered = nil
}

// lookForAll reads every client that a caller has.
func (c *caller) lookForAll(ctx context.Context) {
	for _, client := range c.clients {
		a, err := c.insist(ctx, request{method: "GET", path: client.path}, http.StatusOK, http.StatusNotFound)
		got := state{}
		if err == nil {
			got, err = a.was()
		}
		if err != nil || !client.is(got) {
			c.load.found("lost: %s is %+v (%v), and none of %+v", client.path, got, err, client.may)
		}
	}
}

// list is what all clients are, by path.
func (l *load) list(ctx context.Context) (map[string]state, error) {
	c := l.newCaller(0, kept, nil)
	defer c.drop()
	a, err := c.insist(ctx, request{method: "GET", path: "/clients"}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var all []struct{ Client represented }
	if err := json.Unmarshal(a.content, &all); err != nil {
		return nil, err
	}
	listed := make(map[string]state)
	for _, each := range all {
		listed[fmt.Sprint("/clients/", each.Client.ID)] = each.Client.state()
	}
	return listed, nil
}

// compare looks whether a list of all clients shows those that the callers have, and none that nobody has made.
func (l *load) compare(listed map[string]state) {
	perhaps, twice := make(map[string]bool), make(map[string]bool)
	for _, c := range l.callers {
		for _, name := range c.perhaps {
			perhaps[name] = true
		}
		for _, k := range c.settled {
			twice[k.name] = true
		}
		for _, client := range append(c.clients, c.ended...) {
			got, there := listed[client.path]
			got.gone = !there
			if !client.is(got) {
				l.found("the list has %s as %+v, and none of %+v", client.path, got, client.may)
			}
			delete(listed, client.path)
		}
	}
	for path, got := range listed {
		switch {
		case l.before[path]:
		case perhaps[got.name]:
			delete(perhaps, got.name) // once
		case twice[got.name]:
			l.found("%s has been made twice with one key: %+v", path, got)
		default:
			l.found("nobody has made %s: %+v", path, got)
		}
	}
}
