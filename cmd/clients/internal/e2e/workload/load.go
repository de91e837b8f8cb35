package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a load.
type Options struct {
	URLs   []string                                  // of the replicas, or of a load balancer: http://host:port
	Login  func(caller int) (user, password string)  // nil: without a login
	Groups []Group                                   // of callers
	Limit  func(kind string) (longest time.Duration) // that a response may take; nil: any time
	// Clients is how many clients are used at the same time, and Uses how often each before it is deleted.
	Clients, Uses int
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
	turn      sync.RWMutex     // held for reading by requests, and by the change from one phase to the next
	before    map[string]State // the clients that existed, by path

	mu             sync.Mutex // guards what follows
	history        []Operation
	faults         []string
	current        Tally
	phase, written time.Time // when the current phase began, and when it had the last successful write

	// Phases are those that have ended. Read it after Stop.
	Phases []Tally
}

// Start begins a load, which Stop ends. It returns an error if the service does not return the list of all clients.
func Start(o Options) (*Load, error) {
	l := &Load{options: o, begun: time.Now(), prefix: fmt.Sprintf("%08x", rand.Uint32())}
	for i, url := range o.URLs {
		l.addresses = append(l.addresses, new(address))
		l.Move(i, url)
	}
	for range max(1, o.Clients) {
		l.targets = append(l.targets, &target{})
	}
	l.Phase("start", false)
	var err error
	if l.before, err = l.list(); err != nil {
		return nil, err
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
func (l *Load) Move(replica int, url string) {
	host := strings.TrimPrefix(url, "http://")
	if !strings.Contains(host, ":") {
		host += ":80"
	}
	l.addresses[replica].Store(&host)
}

// Stop ends the load and returns when the last caller has its response.
func (l *Load) Stop() {
	l.Phase("stopped", false)
	l.cancel()
	l.working.Wait()
}

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
}

// list returns all clients, by path, as of a moment after it was called.
func (l *Load) list() (map[string]State, error) {
	c := l.newCaller(0, Group{Keep: true})
	defer c.drop()
	for begun := time.Now(); ; time.Sleep(retryPause) {
		response, content, err := c.send(Operation{Kind: Get, Client: "/clients", Request: l.prefix + "-list"}, 0)
		if err == nil && response.StatusCode == http.StatusOK && response.Header.Get("Warning") == "" {
			var all []struct{ Client State }
			if err := json.Unmarshal(content, &all); err != nil {
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
