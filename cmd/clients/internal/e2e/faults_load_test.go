package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clients/cmd/clients/internal/e2e/workload"

	"github.com/stretchr/testify/require"
)

// lie stands between callers and the service and does something else than was requested. It reports whether it has written
// the response. forward has the service respond.
type lie func(w http.ResponseWriter, r *http.Request, forward func(*http.Request) *httptest.ResponseRecorder) bool

// again returns a request with the same body, which can be sent once more.
func again(r *http.Request) *http.Request {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	next := r.Clone(r.Context())
	next.Body = io.NopCloser(bytes.NewReader(body))
	return next
}

func isCreate(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/clients" }
func isKeyed(r *http.Request) bool  { return r.Header.Get("Idempotency-Key") != "" }

// acknowledgedOnly responds to a kind of requests without carrying them out.
func acknowledgedOnly(method string) lie {
	return func(_ http.ResponseWriter, r *http.Request, _ func(*http.Request) *httptest.ResponseRecorder) bool {
		return r.Method == method // with 200 and an empty body
	}
}

// twice carries out each creation twice.
func twice(keyed bool) lie {
	return func(_ http.ResponseWriter, r *http.Request, forward func(*http.Request) *httptest.ResponseRecorder) bool {
		if isCreate(r) && isKeyed(r) == keyed {
			unkeyed := again(r)
			unkeyed.Header.Del("Idempotency-Key")
			forward(unkeyed)
		}
		return false
	}
}

// stale responds to each read of a client with what it was when it was first read.
func stale(warning string) lie {
	var mu sync.Mutex
	first := map[string]string{}
	return func(w http.ResponseWriter, r *http.Request, forward func(*http.Request) *httptest.ResponseRecorder) bool {
		if r.Method != http.MethodGet || r.URL.Path == "/clients" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if first[r.URL.Path] == "" {
			first[r.URL.Path] = forward(r).Body.String()
		}
		if warning != "" {
			w.Header().Set("Warning", warning)
		}
		_, _ = io.WriteString(w, first[r.URL.Path])
		return true
	}
}

// forgetsKeys takes every key for a new one.
func forgetsKeys(_ http.ResponseWriter, r *http.Request, _ func(*http.Request) *httptest.ResponseRecorder) bool {
	r.Header.Del("Idempotency-Key")
	return false
}

// loadOn puts a service under load, with a login, "user:password".
func loadOn(t *testing.T, url, login string) *workload.Load {
	t.Helper()
	l, err := workload.Start(workload.Options{
		URLs: []string{url}, Clients: 4, Uses: 40, Patience: timeout,
		Login: func(int) (string, string) { user, password, _ := strings.Cut(login, ":"); return user, password },
		Groups: []workload.Group{
			{Callers: 4, Keep: true, Pause: func() time.Duration { return time.Millisecond }},
			{Callers: 2, Pause: func() time.Duration { return 2 * time.Millisecond }},
		},
	})
	require.NoError(t, err)
	return l
}

func awaitRequests(t *testing.T, l *workload.Load, n int) {
	t.Helper()
	eventually(t, func() bool { return l.Requests() >= n }, "%d requests", n)
}

func report(l *workload.Load) (string, bool) {
	var text strings.Builder
	good := l.Print(&text)
	return text.String(), good
}

// The checker of the fault tests and of the drill finds a service that loses writes, carries them out twice or returns stale
// reads.
func TestFaultsAreFoundByTheChecker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lie   lie
		found string
	}{
		"updates are lost":         {acknowledgedOnly(http.MethodPut), "is not linearizable"},
		"deletions are lost":       {acknowledgedOnly(http.MethodDelete), "is not linearizable"},
		"creations happen twice":   {twice(false), "nobody created /clients/"},
		"with a key as well":       {twice(true), "was created twice with one key"},
		"keys are ignored":         {forgetsKeys, "when it was sent again"},
		"reads are stale":          {stale(""), "stale reads"},
		"they are, with a warning": {stale(`110 - "Response is stale"`), ""},
		"no lie": {func(http.ResponseWriter, *http.Request, func(*http.Request) *httptest.ResponseRecorder) bool {
			return false
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shared(t)
			base, err := url.Parse(a.base)
			require.NoError(t, err)
			service := &httputil.ReverseProxy{
				Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(base) },
				Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8},
			}
			honest := make(chan struct{}) // closed for the last look
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				forward := func(r *http.Request) *httptest.ResponseRecorder {
					recorder := httptest.NewRecorder()
					service.ServeHTTP(recorder, again(r))
					return recorder
				}
				select {
				case <-honest:
				default:
					if c.lie(w, r, forward) {
						return
					}
				}
				service.ServeHTTP(w, r)
			}))
			defer front.Close()
			l := loadOn(t, front.URL, a.login)
			l.Phase("lies", true)
			awaitRequests(t, l, 600)
			l.Stop()
			close(honest)
			l.Check(workload.Evidence{})
			text, good := report(l)
			require.Equal(t, c.found == "", good, text)
			require.Contains(t, text, c.found)
			require.Equal(t, name == "they are, with a warning", l.Phases()[1].Warnings > 0)
		})
	}
}

// A service that is killed fails requests and loses nothing; in a strict phase that is a fault.
func TestFaultsOfAKilledServiceAreCounted(t *testing.T) {
	t.Parallel()
	for name, strict := range map[string]bool{"killed": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			l := loadOn(t, s.base, "")
			l.Phase("quiet", true)
			awaitRequests(t, l, 300)
			l.Phase(name, strict)
			s.signal(t, map[bool]syscall.Signal{true: syscall.SIGTERM, false: syscall.SIGKILL}[strict])
			s.exitCode(t)
			awaitRequests(t, l, 10)
			s.restart(t, "CLIENTS_HTTP_ADDR="+strings.TrimPrefix(s.base, "http://"))
			l.Phase("after", true)
			awaitRequests(t, l, 300)
			l.Stop()
			require.Empty(t, l.Check(workload.Evidence{}))
			text, good := report(l)
			require.Equal(t, !strict, good, text)
			require.Equal(t, strict, strings.Contains(text, "FAULT: restarted failed "), text)
			require.Equal(t, name, l.Phases()[2].Phase)
			require.NotEmpty(t, l.Phases()[2].Failures)
			require.Positive(t, l.Phases()[2].WriteGap)
		})
	}
}
