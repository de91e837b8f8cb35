package transport

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"clients/domain"
	"clients/transport/auth"
	"clients/transport/connections"

	"go.opentelemetry.io/otel/trace"
)

// exchange is one request and its response.
type exchange struct {
	api       API
	w         recorder
	r         *http.Request
	start     time.Time
	requestID string
	remote    string // address of the caller
	route     route
	format    format
	body      []byte
	account   string
	actor     string
	heldOff   bool       // throttled or rate limited; not a failure
	span      trace.Span // nil if requests are not traced

	reserved []func() // each returns reserved memory
	lingers  bool     // the response is sent before the body is read
}

func (a API) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{api: a, w: recorder{ResponseWriter: w}, r: r, start: time.Now(), remote: auth.CallerAddress(r, a.TrustedProxies)}
	x.requestID = requestID(r)
	x.route = parseRoute(r.URL.Path)
	x.format = negotiate(x.route.suffix, r.Header)
	x.w.Header().Set("X-Request-Id", x.requestID)
	if !reusable(r) {
		x.w.Header().Set("Connection", "close")
	}
	x.beginSpan()
	return x
}

// reusable reports whether another request may follow on the connection. RFC 9112, 6.1 forbids it after a Content-Length
// beside a Transfer-Encoding, and after a Transfer-Encoding in HTTP/1.0. net/http reads both correctly, but removes the
// header that is not to be used, so that all such requests are taken to have had it.
func reusable(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	return len(r.TransferEncoding) == 0
}

// anonymous is the user of a service without logins.
const anonymous = "anonymous"

// enter authenticates the request and counts it for the rate limit.
func (x *exchange) enter() error {
	x.account, x.actor = domain.DefaultAccount, anonymous
	if x.api.login != nil {
		x.account, x.actor = "", ""
		user, err := x.api.login.Check(x.r, x.remote)
		if err != nil {
			return err
		}
		x.account, x.actor = user.Account, user.Name
		connections.LoggedIn(x.r.Context(), x.start.Add(readTimeout))
	}
	if x.route.resource == rateStatus {
		return nil
	}
	return x.api.rateLimit.Admit(auth.Caller{Account: x.account, User: x.actor})
}

// serve makes the call of the request. Callers that have not logged in learn nothing about what exists.
func (x *exchange) serve() {
	if err := x.api.Hosts.check(x.r); err != nil {
		x.fail(err)
		return
	}
	if err := x.enter(); err != nil {
		x.fail(err)
		return
	}
	calls := callsOf[x.route.resource]
	if calls == nil {
		x.fail(errNoRoute)
		return
	}
	call := calls[x.r.Method]
	if call == nil {
		x.w.Header().Set("Allow", allowed(calls))
		x.fail(errMethod)
		return
	}
	if err := x.readBody(); err != nil {
		x.fail(err)
		return
	}
	if err := call(x); err != nil {
		x.fail(err)
	}
}

// end ends the exchange: it turns a panic into a response, logs and counts.
func (x *exchange) end() {
	defer x.finishBody()
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		x.api.Log.Error("panic", "request_id", x.requestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if x.w.status != 0 {
			panic(http.ErrAbortHandler) // a truncated response must not look complete
		}
		x.fail(errInternal)
	}
	duration := time.Since(x.start)
	x.endSpan()
	x.api.Metrics.observe(x.route.resource, x.r.Method, x.w.status, x.heldOff, duration)
	attrs := []slog.Attr{
		slog.String("method", x.r.Method), slog.String("path", x.r.URL.Path), slog.Int("status", x.w.status),
		slog.Int64("bytes", x.w.bytes), slog.Duration("duration", duration), slog.String("request_id", x.requestID),
		slog.String("account", x.account), slog.String("actor", x.actor), slog.String("remote", x.remote),
	}
	if id := x.traceID(); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	x.api.Log.LogAttrs(x.r.Context(), slog.LevelInfo, "request", attrs...)
}

// recorder records the status and size of the response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
