package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

// request is what a caller sends.
type request struct{ method, path, body, key string }

func naming(name string) string { return fmt.Sprintf(`{"client":{"name":%q}}`, name) }

// answer is what came of a request.
type answer struct {
	status      int
	location    string
	warned      bool   // it may be out of date, and says so
	content     []byte // of a read
	reconnected bool
	took        time.Duration
	err         error
}

// was is what a read shows the client to be.
func (a answer) was() (s state, err error) {
	if a.status == http.StatusNotFound {
		return state{gone: true}, nil
	}
	var got struct{ Client represented }
	err = json.Unmarshal(a.content, &got)
	return got.Client.state(), err
}

// represented is a client as the service shows it.
type represented struct {
	ID     int64
	Name   string
	Active bool
}

func (r represented) state() state { return state{name: r.Name, active: r.Active} }

// send sends a request once.
func (c *caller) send(r request) (a answer) {
	begun := time.Now()
	defer func() { a.took = time.Since(begun) }()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	sent, err := http.NewRequest(r.method, "http://"+c.host+r.path, body)
	if err != nil {
		return answer{err: err}
	}
	sent.SetBasicAuth(c.user, c.password)
	sent.Header.Set("Content-Type", "application/json")
	sent.Header.Set("Accept", "application/json")
	if r.key != "" {
		sent.Header.Set("Idempotency-Key", r.key)
	}
	e, err := c.do(sent)
	a = answer{err: err, reconnected: e.reconnected}
	if err == nil {
		a.status, a.location, a.content = e.StatusCode, e.Header.Get("Location"), e.content
		a.warned = strings.HasPrefix(e.Header.Get("Warning"), "110 ")
	}
	return a
}

// failed is why a request did not do what it should, in as few words as there are kinds of it; else empty.
func (a answer) failed(wanted ...int) string {
	var timeout net.Error
	switch {
	case errors.As(a.err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(a.err, io.EOF), errors.Is(a.err, io.ErrUnexpectedEOF):
		return "sent, and not answered"
	case a.err != nil:
		return "connection: " + reason(a.err)
	}
	for _, status := range wanted {
		if a.status == status {
			return ""
		}
	}
	return fmt.Sprint("status ", a.status)
}

// reason is an error without the addresses that it happened between.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// ask sends a request, counts it, and tells whether it did what it should.
func (c *caller) ask(r request, wanted ...int) (answer, bool) {
	a := c.send(r)
	why := a.failed(wanted...)
	if why != "" {
		log.Printf("%s %s of %s failed after %s: %s", r.method, r.path, c.user, a.took.Round(time.Millisecond), why)
	}
	c.load.counter.count(r.method != "GET", a, why)
	return a, why == ""
}
