package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load is one call of the API, made by so many callers at once, each of which waits for its response.
type load struct {
	call    string
	callers int
	delay   time.Duration // of every fsync of the servers
	status  string        // of a success
	// request appends the nth request of a caller.
	request func(b []byte, caller, n int) []byte
}

func (l load) String() string {
	name := fmt.Sprintf("%s, %d callers", l.call, l.callers)
	if l.callers == 1 {
		name = l.call + ", 1 caller"
	}
	if l.delay > 0 {
		name += fmt.Sprintf(", fsync + %v", l.delay)
	}
	return name
}

// loadsFor returns the loads in their order, those whose fsyncs are delayed or the others.
func loadsFor(slowed bool, clients int) (all []load) {
	if slowed {
		for _, delay := range []time.Duration{1, 5, 20, 100} {
			for _, callers := range []int{1, 20, 100} {
				all = append(all, load{"create", callers, delay * time.Millisecond, "201", create})
			}
		}
		return all
	}
	get := func(b []byte, caller, n int) []byte { return text(b, "GET", idOf(caller, n, clients), "") }
	put := func(b []byte, caller, n int) []byte {
		return text(b, "PUT", idOf(caller, n, clients), fmt.Sprintf("<client><details>Change %d by %d</details></client>", n, caller))
	}
	list := func(b []byte, _, _ int) []byte { return text(b, "GET", 0, "") }
	return []load{
		{"GET one", 1, 0, "200", get}, {"GET one", 64, 0, "200", get},
		{fmt.Sprintf("list of %d", clients), 1, 0, "200", list},
		{"update", 64, 0, "200", put},
		{"create", 1, 0, "201", create}, {"create", 16, 0, "201", create}, {"create", 128, 0, "201", create},
	}
}

// idOf spreads requests over all clients, so that callers rarely meet at one.
func idOf(caller, n, clients int) int { return 1 + (caller*389+n*64)%clients }

func create(b []byte, caller, n int) []byte {
	return text(b, "POST", 0, fmt.Sprintf("<client><name>Client %d of %d</name>"+
		"<details>123 Main St. Third Floor New York, NY 10011 USA</details></client>", n, caller))
}

// text appends a request to /clients, or to one client.
func text(b []byte, method string, id int, body string) []byte {
	b = append(append(b, method...), " /clients"...)
	if id > 0 {
		b = strconv.AppendInt(append(b, '/'), int64(id), 10)
	}
	b = append(b, " HTTP/1.1\r\nHost: localhost\r\n"...)
	if body != "" {
		b = append(b, "Content-Type: application/xml\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// seed creates so many clients.
func seed(ctx context.Context, address string, clients int) error {
	const callers = 64
	var left atomic.Int64
	left.Store(int64(clients))
	m, err := drive(ctx, load{"seed", callers, 0, "201", create}, address, func() bool { return left.Add(-1) >= 0 })
	if err == nil && m.errors > 0 {
		err = fmt.Errorf("%d of %d requests failed", m.errors, clients)
	}
	return err
}

// measurement is what one run of a load took.
type measurement struct {
	elapsed   time.Duration
	processor time.Duration   // of the servers
	latencies []time.Duration // of successes, in order of size
	errors    int
}

// run puts the load on a side for some time.
func (l load) run(ctx context.Context, r *running, d time.Duration) (measurement, error) {
	used, err := processorTime(r.processes)
	if err != nil {
		return measurement{}, err
	}
	end := time.Now().Add(d)
	m, err := drive(ctx, l, r.address, func() bool { return time.Now().Before(end) })
	if err != nil {
		return m, err
	}
	after, err := processorTime(r.processes)
	m.processor = after - used
	if len(m.latencies) == 0 {
		err = errors.New("no request succeeded")
	}
	return m, err
}

// drive makes requests while more returns true.
func drive(ctx context.Context, l load, address string, more func() bool) (measurement, error) {
	var m measurement
	var mu sync.Mutex
	var group sync.WaitGroup
	var failure error
	begun := time.Now()
	for caller := range l.callers {
		group.Go(func() {
			latencies, failed, err := l.callOften(ctx, address, caller, more)
			mu.Lock()
			defer mu.Unlock()
			m.latencies = append(m.latencies, latencies...)
			m.errors += failed
			failure = errors.Join(failure, err)
		})
	}
	group.Wait()
	m.elapsed = time.Since(begun)
	slices.Sort(m.latencies)
	return m, failure
}

// callOften makes the requests of one caller on one connection.
func (l load) callOften(ctx context.Context, address string, caller int, more func() bool) (latencies []time.Duration, failed int, err error) {
	var c *connection
	var request []byte
	for n := 0; more() && ctx.Err() == nil; n++ {
		if c == nil {
			if c, err = dial(ctx, address); err != nil {
				return latencies, failed, err
			}
			defer c.Close()
		}
		request = l.request(request[:0], caller, n)
		start := time.Now()
		status, err := c.do(request)
		switch {
		case err != nil:
			c, failed = nil, failed+1
		case string(status) != l.status:
			failed++
		default:
			latencies = append(latencies, time.Since(start))
		}
	}
	return latencies, failed, ctx.Err()
}
