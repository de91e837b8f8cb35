package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"
)

// options is what a load is made of.
type options struct {
	base, user, password string
	users                int           // that there are beside the user: demo01, demo02 and so on
	busy, fresh, slow    int           // callers of each kind
	pause                time.Duration // of the busy ones
}

// load is the callers, and what they were answered.
type load struct {
	options
	address string
	callers []*caller
	working sync.WaitGroup
	turn    sync.RWMutex // held by requests for reading, and by the step from one phase to the next
	counter counter
	before  map[string]bool // the clients that were there

	mu     sync.Mutex
	faults []string
}

// How callers hold connections.
const (
	kept  = true
	fresh = false
)

// newLoad makes the callers. Busy ones keep a connection and hardly pause. Fresh ones open another for each request, and so
// come to every replica. Slow ones keep theirs through pauses in which the service may close it.
func newLoad(o options) (*load, error) {
	base, err := url.Parse(o.base)
	if err != nil || base.Scheme != "http" {
		return nil, fmt.Errorf("-url is http://host or http://host:port, and not %q", o.base)
	}
	l := &load{options: o, address: base.Host}
	if base.Port() == "" {
		l.address = net.JoinHostPort(base.Host, "80")
	}
	for range o.busy {
		l.add(kept, func() time.Duration { return o.pause })
	}
	for range o.fresh {
		l.add(fresh, func() time.Duration { return 100 * time.Millisecond })
	}
	for range o.slow {
		l.add(kept, func() time.Duration { return time.Second + rand.N(7*time.Second) })
	}
	l.counter.next("start", false, time.Now())
	return l, nil
}

func (l *load) add(keeps bool, pause func() time.Duration) {
	l.callers = append(l.callers, l.newCaller(len(l.callers), keeps, pause))
}

// newCaller makes the nth caller. Each of the users logs in for somebody, as far as there are callers for them.
func (l *load) newCaller(n int, keeps bool, pause func() time.Duration) *caller {
	c := &caller{load: l, user: l.user, password: l.password, host: l.address, pause: pause}
	c.connection = connection{address: l.address, kept: keeps}
	if l.users > 0 {
		c.user = fmt.Sprintf("%s%02d", l.user, 1+n%l.users)
	}
	return c
}

// start notes what there is, and has everybody call until the context ends.
func (l *load) start(ctx context.Context) error {
	there, err := l.list(ctx)
	if err != nil {
		return err
	}
	l.before = make(map[string]bool)
	for path := range there {
		l.before[path] = true
	}
	for _, c := range l.callers {
		l.working.Go(func() { c.call(ctx) })
	}
	return nil
}

// phase ends a phase and begins the next, once the requests that are under way have ended: each counts for one phase, and
// what a phase does to callers is not found in another. In one that is strict no request may fail.
func (l *load) phase(name string, strict bool) {
	asked := time.Now()
	l.turn.Lock()
	defer l.turn.Unlock()
	l.counter.next(name, strict, asked)
}

// found notes what should not be.
func (l *load) found(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}
