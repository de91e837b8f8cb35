package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is the callers, and what they were answered.
type load struct {
	base, user, password string
	pause                time.Duration
	http                 *http.Client
	counter              counter
	callers              sync.WaitGroup
	own                  []*owned
	stale                atomic.Int64
}

// owned are the clients of one caller, who alone writes to them.
type owned struct {
	paths []string
	names map[string][]string // what a client may be called by now: one name, or two after an outcome that nobody knows
}

func newLoad(base, user string, callers int, pause time.Duration) *load {
	name, password, _ := strings.Cut(user, ":")
	l := &load{base: strings.TrimSuffix(base, "/"), user: name, password: password, pause: pause}
	l.http = &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: callers, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
	}
	for range callers {
		l.own = append(l.own, &owned{names: make(map[string][]string)})
	}
	l.counter.next("start")
	return l
}

func (l *load) start(ctx context.Context) {
	for _, o := range l.own {
		l.callers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				l.step(o, n)
				time.Sleep(l.pause)
			}
		})
	}
}

func (l *load) phase(name string) tally { return l.counter.next(name) }

// clients is how many there are. Only once the callers have ended.
func (l *load) clients() (n int) {
	for _, o := range l.own {
		n += len(o.paths)
	}
	return n
}

// step is one request: every tenth makes a client, three in ten change one, and the others read.
func (l *load) step(o *owned, n int) {
	name := fmt.Sprintf("%x", rand.Uint64())
	switch {
	case len(o.paths) == 0 || n%10 == 0:
		answer, err := l.send("POST", "/clients", name)
		if l.done(answer, err, http.StatusCreated) {
			path := answer.location
			o.paths = append(o.paths, path)
			o.names[path] = []string{name}
		}
	case n%10 < 4:
		path := o.paths[rand.IntN(len(o.paths))]
		answer, err := l.send("PUT", path, name)
		if l.done(answer, err, http.StatusOK) {
			o.names[path] = []string{name}
		} else {
			o.names[path] = append(o.names[path], name)
		}
	default:
		path := o.paths[rand.IntN(len(o.paths))]
		answer, err := l.send("GET", path, "")
		if l.done(answer, err, http.StatusOK) && !slices.Contains(o.names[path], answer.name) && answer.warning == "" {
			l.stale.Add(1)
			log.Printf("stale: %s is called %s, and not one of %s", path, answer.name, o.names[path])
		}
	}
}

// lost looks, of every client, whether it is what was answered.
func (l *load) lost(ctx context.Context) (lost []string) {
	for _, o := range l.own {
		for _, path := range o.paths {
			var got answer
			var err error
			for try := 0; try < 30 && ctx.Err() == nil; try++ {
				if got, err = l.send("GET", path, ""); err == nil && got.status < 500 && got.warning == "" {
					break
				}
				time.Sleep(time.Second)
			}
			if err != nil || !slices.Contains(o.names[path], got.name) {
				lost = append(lost, fmt.Sprintf("%s is called %q (%d, %v), and not one of %q", path, got.name, got.status, err, o.names[path]))
			}
		}
	}
	return lost
}

type answer struct {
	status                  int
	location, name, warning string
	took                    time.Duration
}

func (l *load) send(method, path, name string) (a answer, err error) {
	begun := time.Now()
	defer func() { a.took = time.Since(begun) }()
	var body io.Reader
	if name != "" {
		body = strings.NewReader(fmt.Sprintf(`{"client":{"name":%q}}`, name))
	}
	request, err := http.NewRequest(method, l.base+path, body)
	if err != nil {
		return a, err
	}
	request.SetBasicAuth(l.user, l.password)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := l.http.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	var got struct {
		Client struct{ Name string }
	}
	content, err := io.ReadAll(response.Body)
	if err == nil && method == "GET" && response.StatusCode == http.StatusOK {
		err = json.Unmarshal(content, &got)
	}
	return answer{status: response.StatusCode, location: response.Header.Get("Location"), name: got.Client.Name, warning: response.Header.Get("Warning")}, err
}

// done counts a request, and tells whether it did what it should.
func (l *load) done(a answer, err error, want int) bool {
	why := ""
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		why = "timeout"
	case err != nil:
		why = "connection: " + err.Error()
	case a.status != want:
		why = fmt.Sprint("status ", a.status)
	}
	if why != "" {
		log.Printf("failed after %s: %s", a.took.Round(time.Millisecond), why)
	}
	l.counter.count(a.took, why)
	return why == ""
}
