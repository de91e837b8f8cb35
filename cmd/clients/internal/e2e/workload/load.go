package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a load.
type Options struct {
	URLs   []string                                  // of the replicas, or of a load balancer
	Login  func(caller int) (user, password string)  // nil: without a login
	Groups []Group                                   // of callers
	Limit  func(kind string) (longest time.Duration) // that a response may take; nil: any time
	Report func(format string, args ...any)          // logs a fault when it is found; nil: nothing
	// Clients is how many clients are used at the same time, and Uses how often each before it is deleted.
	Clients, Uses int
	// Patience is how long a request with a key is repeated without its outcome being known.
	Patience time.Duration
}

// Group is a number of callers that behave in the same way.
type Group struct {
	Callers  int
	Keep     bool // a connection between requests, through which one replica is reached
	ReadOnly bool // so that a read never waits for a write of the same caller
	Pause    func() time.Duration
}

// Load is a running load and the history of its requests.
type Load struct {
	options   Options
	addresses []*address
	begun     time.Time
	prefix    string // of the names of its requests
	named     atomic.Int64
	targets   []*target
	callers   []*caller
	cancel    context.CancelFunc
	working   sync.WaitGroup
	turn      sync.RWMutex // held for reading by requests, and by the change from one phase to the next
	counter   counter
	before    map[string]bool // paths of the clients that existed

	mu      sync.Mutex
	history []Operation
	faults  []string
}

// Start begins a load, which Stop ends. It returns an error if the service does not return the list of all clients.
func Start(o Options) (*Load, error) {
	l := &Load{options: o, begun: time.Now(), prefix: fmt.Sprintf("%08x", rand.Uint32()), before: map[string]bool{}}
	for i, url := range o.URLs {
		l.addresses = append(l.addresses, new(address))
		if err := l.Move(i, url); err != nil {
			return nil, err
		}
	}
	for range max(1, o.Clients) {
		l.targets = append(l.targets, &target{})
	}
	l.counter.start = l.begun
	l.Phase("start", false)
	existing, err := l.list()
	if err != nil {
		return nil, err
	}
	for path := range existing {
		l.before[path] = true
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	for _, group := range o.Groups {
		for range group.Callers {
			c := l.newCaller(len(l.callers), group)
			l.callers = append(l.callers, c)
			l.working.Go(func() { c.call(ctx) })
		}
	}
	return l, nil
}

// Move changes the URL of a replica for all callers.
func (l *Load) Move(replica int, to string) error {
	base, err := url.Parse(to)
	if err != nil || base.Scheme != "http" || base.Host == "" {
		return fmt.Errorf("not http://host or http://host:port: %q", to)
	}
	if base.Port() == "" {
		base.Host = net.JoinHostPort(base.Host, "80")
	}
	l.addresses[replica].Store(&base.Host)
	return nil
}

// Phase ends a phase and begins the next one when the requests that are under way have ended: each counts for one phase,
// and what a phase does to callers is not counted in another. In a strict phase no request may fail.
func (l *Load) Phase(name string, strict bool) {
	requested := time.Now()
	l.turn.Lock()
	defer l.turn.Unlock()
	l.counter.next(name, strict, requested)
}

// Stop ends the load and returns when the last caller has its response. A request with a key whose outcome is still unknown then
// is a fault.
func (l *Load) Stop() {
	l.Phase("stopped", false)
	l.cancel()
	l.working.Wait()
	for _, c := range l.callers {
		l.working.Go(c.settle)
	}
	l.working.Wait()
}

// Elapsed is the time since the load began, as in the history.
func (l *Load) Elapsed() time.Duration { return time.Since(l.begun) }

// record adds an operation to the history.
func (l *Load) record(o Operation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history = append(l.history, o)
}

// fault records a violation of a rule.
func (l *Load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
	if l.options.Report != nil {
		l.options.Report(format, args...)
	}
}

// list returns all clients, by path, as of a moment after it was called.
func (l *Load) list() (map[string]State, error) {
	c := l.newCaller(0, Group{Keep: true})
	defer c.drop()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		e, err := c.send(Operation{Kind: Get, Client: "/clients", Request: l.prefix + "-list"}, 0)
		if err == nil && e.StatusCode == http.StatusOK && e.Header.Get("Warning") == "" {
			var all []struct{ Client State }
			if err := json.Unmarshal(e.content, &all); err != nil {
				return nil, err
			}
			listed := make(map[string]State, len(all))
			for _, each := range all {
				listed[fmt.Sprint("/clients/", each.Client.ID)] = each.Client
			}
			return listed, nil
		}
		if time.Since(begun) > responseTimeout {
			return nil, fmt.Errorf("no list of all clients: %v", err)
		}
	}
}
