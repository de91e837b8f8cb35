package transport

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"clients/transport/auth"
	"clients/transport/credentials"

	"go.opentelemetry.io/otel/trace"
)

// request is a request with what is known of it so far.
type request struct {
	*http.Request
	start   time.Time
	id      string // correlates log lines and events
	remote  string // address of the caller
	route   route
	span    trace.Span // nil if requests are not traced
	account string     // "" before the login
	actor   string
	user    credentials.User // that has logged in, if a login is needed
	body    []byte
}

// query returns the parameters of the request, or errQuery.
func (r *request) query() (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errQuery
	}
	return values, nil
}

// caller returns whose request it is for the rate limit.
func (r *request) caller() auth.Caller { return auth.Caller{Account: r.account, User: r.actor} }

// scheme returns "https" or "http".
func (r *request) scheme() string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// reusable reports whether another request may follow on the connection. RFC 9112, 6.1 forbids it after a Content-Length
// beside a Transfer-Encoding, and after a Transfer-Encoding in HTTP/1.0. net/http reads both correctly, but removes the
// header that is not to be used, so that all such requests are taken to have had it.
func (r *request) reusable() bool {
	if !r.ProtoAtLeast(1, 1) {
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	return len(r.TransferEncoding) == 0
}

// validRequestID matches ids whose characters cannot forge a log line.
var validRequestID = regexp.MustCompile(`^[-a-zA-Z0-9_.:/+=@]{1,128}$`)

// requestID returns the caller's id of the request, or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); validRequestID.MatchString(id) {
		return id
	}
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) // unique, not secret
}
