package transport_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/domain/command"
	"clients/projections/readmodel"
	"clients/transport"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// service is an API whose account has one client, in one revision, and which carries out every command.
type service struct {
	t        *testing.T
	handler  http.Handler
	log      strings.Builder
	revision domain.Revision

	commands []command.Request
	since    []time.Time
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, revision: domain.Revision{Version: 10, Checksum: 0xBEEF}}
	s.handler = handlerOf(t, s, s, &s.log)
	return s
}

func handlerOf(t *testing.T, commands transport.Commands, directory transport.Directory, log *strings.Builder) http.Handler {
	t.Helper()
	api := transport.API{
		Commands: commands, Directory: directory, Hosts: transport.Hosts{Any: true}, Draining: new(atomic.Bool),
		Epoch: func() string { return "epoch" }, Metrics: transport.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	handler, err := api.Handler()
	require.NoError(t, err)
	return handler
}

func (s *service) Handle(_ context.Context, r command.Request) (command.Result, error) {
	s.commands = append(s.commands, r)
	return command.Result{ClientID: 7, Revision: s.revision}, nil
}

func (s *service) Client(_ string, id int64) (domain.Client, uint64, bool) {
	return domain.Client{ID: id, Name: "A", Revision: s.revision}, 1, true
}

func (s *service) List(string) readmodel.Listing { return readmodel.Listing{Revision: s.revision} }

func (s *service) UpdatedSince(_ string, since time.Time) readmodel.Listing {
	s.since = append(s.since, since)
	return readmodel.Listing{Revision: s.revision}
}

func (s *service) Clock() time.Time { return time.Time{} }

func (s *service) Refresh(context.Context) error { return nil }

// send makes a request; target is a path with a query that need not be valid, headers are "Name: value".
func (s *service) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// command requires that a request becomes a command, and returns it.
func (s *service) command(method, target, body string, headers ...string) command.Request {
	s.t.Helper()
	w := s.send(method, target, body, headers...)
	require.Less(s.t, w.Code, 300, "%s %s: %s", method, target, w.Body)
	require.NotEmpty(s.t, s.commands)
	return s.commands[len(s.commands)-1]
}

// hint requires that a request is refused with 400, and returns the reason.
func (s *service) hint(method, target, body string, headers ...string) string {
	s.t.Helper()
	before := len(s.commands)
	w := s.send(method, target, body, headers...)
	require.Equal(s.t, http.StatusBadRequest, w.Code, "%s %s: %s", method, target, w.Body)
	require.Len(s.t, s.commands, before)
	return w.Header().Get("Hint")
}

// broken panics at every call.
type broken struct{}

func (broken) Handle(context.Context, command.Request) (command.Result, error) { panic("broken") }
func (broken) Client(string, int64) (domain.Client, uint64, bool)              { panic("broken") }
func (broken) List(string) readmodel.Listing                                   { panic("broken") }
func (broken) UpdatedSince(string, time.Time) readmodel.Listing                { panic("broken") }
func (broken) Clock() time.Time                                                { panic("broken") }
func (broken) Refresh(context.Context) error                                   { return nil }

func TestAPanicBecomesA500WithoutItsText(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	s.handler = handlerOf(t, broken{}, broken{}, &s.log)
	for _, call := range []string{"GET /clients", "GET /clients/1", "GET /clients?updated_since=2020-01-01", "DELETE /clients/1"} {
		method, target, _ := strings.Cut(call, " ")
		w := s.send(method, target, "")
		require.Equal(t, http.StatusInternalServerError, w.Code, call)
		require.Contains(t, w.Body.String(), "<message>The request failed because of an internal error.</message>")
		require.NotContains(t, w.Body.String(), "broken")
	}
	require.Equal(t, 4, strings.Count(s.log.String(), "msg=panic"))
	require.Equal(t, 4, strings.Count(s.log.String(), "msg=request method"), "in the access log as well")
}

// brokenWriter panics when the body is sent.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { panic("broken") }

func TestAPanicWithinAResponseAbortsIt(t *testing.T) {
	t.Parallel()
	s := newService(t)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		s.handler.ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/clients/1", nil))
	}, "a truncated response must not look complete")
	require.Regexp(t, "msg=request .*status=500", s.log.String(), "it is in the access log")
}
