package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// operation is a request about one client, and what came of it.
type operation struct {
	kind    string // create, update, toggle, delete or get
	client  int64
	request string // its name, which an event that it leads to carries
	name    string // that an update gives
	ifMatch string // the tag that the client must have, or ""

	caller          int
	replica         string
	called, ended   time.Duration // since the beginning
	status          int           // 0: no answer
	tag             string
	seen            view
	stale, repeated bool // the answer says that it may be old; it was asked for again, under the same key
}

// known tells whether the caller knows what has become of the operation.
func (o operation) known() bool { return o.status != 0 && o.status != 503 }

// load keeps callers busy with a few clients, and remembers what they saw.
type load struct {
	t       *testing.T
	site    *site
	begun   time.Time
	quit    chan struct{}
	callers sync.WaitGroup
	clients []*target

	mu      sync.Mutex
	history []operation
}

// target is one of the clients that callers are busy with. When it is deleted, another one takes its place.
type target struct {
	mu   sync.Mutex
	id   int64
	tag  string // that somebody has seen of late
	used int
}

const (
	loadTargets = 4
	loadCallers = 12
	loadReaders = places                // of the callers, who never wait for a write
	loadPace    = 12 * time.Millisecond // of each caller, at least
	loadUses    = 150                   // of a client, before it is deleted
)

func (s *site) load() *load {
	l := &load{t: s.t, site: s, begun: time.Now(), quit: make(chan struct{})}
	for range loadTargets {
		l.clients = append(l.clients, &target{})
	}
	for i := range loadCallers {
		l.callers.Go(func() { l.call(i) })
	}
	return l
}

// end returns when the last caller has his answer.
func (l *load) end() {
	close(l.quit)
	l.callers.Wait()
}

// call makes one request after the other, through a replica of its own. What it repeats it sends to any.
func (l *load) call(caller int) {
	pace := time.NewTicker(loadPace)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
		case <-l.quit:
			return
		}
		target := l.clients[rand.N(len(l.clients))]
		o := target.next(caller < loadReaders)
		if o.kind == "" {
			continue
		}
		o.caller = caller
		o.request = fmt.Sprintf("operation-%d", l.site.named.Add(1))
		o.name = o.request
		o = l.make(o)
		target.learn(o)
		if o.client != 0 {
			l.mu.Lock()
			l.history = append(l.history, o)
			l.mu.Unlock()
		}
	}
}

// next is what is done about the target next, or nothing while somebody else is creating it.
func (c *target) next(reads bool) (o operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch dice := rand.N(100); {
	case c.id < 0, c.id == 0 && reads:
		return o
	case reads:
		o.kind = "get"
	case c.id == 0:
		c.id, c.used = -1, 0
		return operation{kind: "create"}
	case c.used > loadUses, dice < 1:
		o.kind = "delete"
	case dice < 45:
		o.kind = "get"
	case dice < 80:
		o.kind, o.repeated = "update", dice < 52
	default:
		o.kind, o.repeated = "toggle", dice < 85
	}
	if !reads {
		c.used++
	}
	o.client = c.id
	if rand.N(3) == 0 && o.kind != "get" {
		o.ifMatch = c.tag
	}
	return o
}

// learn takes from an operation what the next ones are about.
func (c *target) learn(o operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case o.kind == "create":
		c.id, c.tag = o.client, o.tag
	case o.client != c.id:
	case o.kind == "delete" && o.status == 200, o.status == 404 && !o.stale:
		c.id = 0
	case o.tag != "":
		c.tag = o.tag
	}
}

// make carries out an operation. One that may be repeated is until there is an answer.
func (l *load) make(o operation) operation {
	o.called = time.Since(l.begun)
	for r := l.site.replicas[o.caller%places]; ; r = l.site.replicas[rand.N(places)] {
		o.replica = r.name
		sent := time.Now()
		got, err := l.send(r.caller(), o)
		o.ended = time.Since(l.begun)
		if err != nil {
			got.status = 0
		}
		o.status, o.tag, o.stale = got.status, got.tag(), got.header.Get("Warning") != ""
		l.requireInTime(o, time.Since(sent))
		if o.repeated && !o.known() && o.ended-o.called < patience {
			continue
		}
		switch {
		case o.kind == "get" && o.status == 200:
			var document struct{ Client view }
			assert.NoError(l.t, json.Unmarshal([]byte(got.body), &document), got.body)
			o.seen = document.Client
		case o.kind == "create" && o.status == 201:
			_, err := fmt.Sscanf(got.header.Get("Location"), "/clients/%d", &o.client)
			assert.NoError(l.t, err)
		}
		return o
	}
}

func (l *load) send(c *caller, o operation) (answer, error) {
	headers := []string{"X-Request-Id: " + o.request, asJSON}
	if o.ifMatch != "" {
		headers = append(headers, "If-Match: "+o.ifMatch)
	}
	if o.repeated {
		headers = append(headers, "Idempotency-Key: "+o.request)
	}
	document := fmt.Sprintf(`{"client":{"name":%q}}`, o.name)
	switch o.kind {
	case "create":
		return c.send("POST", "/clients.json", document, headers...)
	case "update":
		return c.send("PUT", path(o.client)+".json", document, headers...)
	case "toggle":
		return c.send("POST", togglePath(o.client)+".json", "", headers...)
	case "delete":
		return c.send("DELETE", path(o.client)+".json", "", headers...)
	default:
		return c.send("GET", path(o.client)+".json", "", headers...)
	}
}

// requireInTime holds answers to the time that they may take: some more than the service itself takes, on a machine
// that is busy.
func (l *load) requireInTime(o operation, took time.Duration) {
	limit := 4 * time.Second
	switch o.kind {
	case "get":
		limit = 2500 * time.Millisecond
	case "delete", "toggle": // which ask other services' streams
		limit = 12 * time.Second
	}
	assert.Less(l.t, took, limit, "%s through %s: %d", o.kind, o.replica, o.status)
	assert.Contains(l.t, []int{0, 200, 201, 404, 412, 503}, o.status, "%s through %s", o.kind, o.replica)
}

// outcomes counts what was answered to requests that were under way during a fault, and tells the longest time without
// an answered write and without a read that was sure to be new.
func outcomes(history []operation, from, to time.Duration) string {
	reads, writes, put := 0, 0, 0
	lastRead, lastWrite, gapRead, gapWrite := from, from, time.Duration(0), time.Duration(0)
	sorted := slices.Clone(history)
	slices.SortFunc(sorted, func(a, b operation) int { return cmp.Compare(a.ended, b.ended) })
	for _, o := range sorted {
		switch {
		case o.ended < from || lastRead > to && lastWrite > to:
		case o.kind == "get" && o.known() && !o.stale:
			reads++
			gapRead, lastRead = max(gapRead, o.ended-lastRead), o.ended
		case o.kind != "get" && o.known():
			writes++
			gapWrite, lastWrite = max(gapWrite, o.ended-lastWrite), o.ended
		default:
			put++
		}
	}
	return fmt.Sprintf("from then on %d sure reads (longest gap %s), %d writes answered (longest gap %s), %d put off or marked",
		reads, gapRead.Round(time.Millisecond), writes, gapWrite.Round(time.Millisecond), put)
}
