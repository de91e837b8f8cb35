package workload

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Kinds of operations.
const (
	Create = "create"
	Update = "update"
	Toggle = "toggle"
	Delete = "delete"
	Get    = "get"
)

// Operation is a request about one client, and its outcome.
type Operation struct {
	Kind    string
	Client  string // its path, as /clients/7; "" of a creation without a response
	Request string // X-Request-Id, which the event carries, the name that it gives, and its key
	IfMatch string
	Keyed   bool // repeated under its key until the outcome is known

	Caller        int
	Called, Ended time.Duration // since the load began
	Sent          bool          // at least once: a connection was there
	Status        int           // 0: no response
	Tag           string
	Seen          State
	Warned        bool // the response may be out of date
}

// State is a client as a response shows it.
type State struct {
	ID           int64
	Name         string
	Active       bool
	CacheVersion uint64 `json:"cache_version"`
}

// Known reports whether the response shows whether the operation took effect.
func (o Operation) Known() bool { return o.Status != 0 && o.Status < 500 }

// Done reports whether the operation is known to have succeeded.
func (o Operation) Done() bool { return o.Status/100 == 2 }

// request builds the HTTP request.
func (o Operation) request(address string) (*http.Request, error) {
	method, path, body := http.MethodGet, o.Client, ""
	switch o.Kind {
	case Create:
		method, path = http.MethodPost, "/clients"
	case Update:
		method = http.MethodPut
	case Toggle:
		method, path = http.MethodPost, o.Client+"/toggle"
	case Delete:
		method = http.MethodDelete
	}
	if o.Kind == Create || o.Kind == Update {
		body = fmt.Sprintf(`{"client":{"name":%q}}`, o.Request)
	}
	r, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Request-Id", o.Request)
	if o.IfMatch != "" {
		r.Header.Set("If-Match", o.IfMatch)
	}
	if o.Keyed {
		r.Header.Set("Idempotency-Key", o.Request)
	}
	return r, nil
}

// complete takes over a response.
func (o *Operation) complete(response *http.Response, content []byte) error {
	o.Status, o.Tag = response.StatusCode, response.Header.Get("ETag")
	o.Warned = strings.HasPrefix(response.Header.Get("Warning"), "110 ")
	switch {
	case o.Kind == Create && o.Status == http.StatusCreated:
		o.Client = response.Header.Get("Location")
	case o.Kind == Get && o.Status == http.StatusOK:
		var document struct{ Client State }
		if err := json.Unmarshal(content, &document); err != nil {
			return fmt.Errorf("%s is no client: %w: %.200q", o.Client, err, content)
		}
		o.Seen = document.Client
	}
	return nil
}

// failure returns the kind of failure of a request without a usable response, or "" if it has one.
func failure(status int, content []byte, err error) string {
	if op := new(net.OpError); errors.As(err, &op) { // without the addresses
		return "connection: " + op.Op + ": " + op.Err.Error()
	}
	if err != nil {
		return "connection: " + err.Error()
	}
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusNotFound, http.StatusPreconditionFailed:
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("status %d %.200s", status, content))
}
