package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"clients/domain"
	"clients/transport/auth"
	"clients/transport/connections"
)

// exchange is a request and its response.
type exchange struct {
	r request
	w response
}

// begin reads what the path and the headers of a request say.
func (a *API) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{r: request{
		Request: r, start: time.Now(), id: requestID(r), remote: auth.CallerAddress(r, a.TrustedProxies), route: parseRoute(r.URL.Path),
	}}
	x.w = response{ResponseWriter: w, format: negotiate(x.r.route.suffix, r.Header)}
	if r.Header.Get("Accept-Encoding") != "" {
		x.w.compressor = a.responses
	}
	w.Header().Set("X-Request-Id", x.r.id)
	if a.Draining.Load() || !x.r.reusable() {
		w.Header().Set("Connection", "close")
	}
	x.r.beginSpan(a.Tracer)
	return x
}

// serve admits a request, reads it, and makes the call of its route. Callers that have not logged in learn nothing about what
// exists.
func (a *API) serve(w *response, r *request) error {
	if err := a.Hosts.check(r.Request, r.route.ownPages()); err != nil {
		return err
	}
	if err := a.admit(r); err != nil {
		return err
	}
	calls := callsOf[r.route.resource]
	if calls == nil {
		return errNoRoute
	}
	call := calls[r.Method]
	if call == nil {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(calls)), ", "))
		return errMethod
	}
	if err := r.readBody(w, a.bodies); err != nil {
		return err
	}
	return call(a, w, r)
}

// anonymous is the user of a service without logins.
const anonymous = "anonymous"

// admit authenticates a request and counts it for the rate limit.
func (a *API) admit(r *request) error {
	r.account, r.actor = domain.DefaultAccount, anonymous
	if a.login != nil {
		r.account, r.actor = "", ""
		user, err := a.login.Check(r.Request, r.remote)
		if err != nil {
			return err
		}
		r.account, r.actor, r.user = user.Account, user.Name, user
		connections.LoggedIn(r.Context(), r.start.Add(readTimeout))
	}
	if r.route.resource == rateStatus {
		return nil
	}
	return a.rateLimit.Admit(r.caller())
}

// end turns a panic into a response, or aborts the one that has begun. It logs and counts the request.
func (a *API) end(w *response, r *request) {
	defer r.finishBody(w)
	if p := recover(); p != nil {
		a.Log.Error("panic", "request_id", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status == 0 {
			a.fail(w, r, errInternal)
		} else {
			w.status = http.StatusInternalServerError // for the log and the metrics
			defer panic(http.ErrAbortHandler)         // a truncated response must not look complete
		}
	}
	duration := time.Since(r.start)
	r.endSpan(w.status)
	a.Metrics.observe(r.route.resource, r.Method, w.status, w.heldOff, duration)
	if w.status < a.LogFrom {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes), slog.Duration("duration", duration), slog.String("request_id", r.id),
		slog.String("account", r.account), slog.String("actor", r.actor), slog.String("remote", r.remote),
	}
	if r.span != nil {
		attrs = append(attrs, slog.String("trace_id", r.span.SpanContext().TraceID().String()))
	}
	a.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// fail responds with an error. An error that was not made for the caller becomes a 500 without its text.
func (a *API) fail(w *response, r *request, err error) {
	refusal := refusalOf(err)
	w.heldOff = refusal.RetryAfter > 0
	if refusal.Status >= http.StatusInternalServerError && !w.heldOff {
		a.Log.Error("request failed", "request_id", r.id, "status", refusal.Status, "error", err,
			"outcome_unknown", errors.Is(err, domain.ErrUnknownOutcome))
	}
	if refusal.Status == http.StatusRequestEntityTooLarge || errors.Is(err, errMemory) || !r.discardBody(refusal.Status) {
		w.lingers = http.NewResponseController(w).EnableFullDuplex() == nil
		w.Header().Set("Connection", "close")
	}
	w.refuse(refusal, r.route.id)
}
