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
	"sync/atomic"
	"testing"
	"time"

	"clients/cmd/clients/internal/e2e/workload"

	"github.com/stretchr/testify/require"
)

// faultyService is a proxy between callers and the service that handles some requests incorrectly.
type faultyService struct {
	behavior behavior
	service  *httputil.ReverseProxy
	honest   atomic.Bool  // from now on
	faults   atomic.Int64 // so far
}

// behavior is how a service is faulty. It reports whether it has written the response.
type behavior func(s *faultyService, w http.ResponseWriter, r *http.Request) (responded bool)

// newFaultyService returns a faulty proxy to the service at a URL.
func newFaultyService(t *testing.T, at string, b behavior) *faultyService {
	t.Helper()
	base, err := url.Parse(at)
	require.NoError(t, err)
	return &faultyService{behavior: b, service: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(base) },
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8},
	}}
}

func (s *faultyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.honest.Load() || !s.behavior(s, w, r) {
		s.service.ServeHTTP(w, r)
	}
}

// forward returns the service's response to a copy of a request.
func (s *faultyService) forward(r *http.Request, change func(http.Header)) *httptest.ResponseRecorder {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	change(sent.Header)
	recorder := httptest.NewRecorder()
	s.service.ServeHTTP(recorder, sent)
	return recorder
}

func withoutKey(h http.Header) { h.Del("Idempotency-Key") }
func unchanged(http.Header)    {}

// without responds to requests of a method without executing them.
func without(method string) behavior {
	return func(s *faultyService, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method != method {
			return false
		}
		s.faults.Add(1)
		return true // with 200 and an empty body
	}
}

// createsTwice executes each creation twice.
func createsTwice(keyed bool) behavior {
	return func(s *faultyService, _ http.ResponseWriter, r *http.Request) bool {
		isCreate := r.Method == http.MethodPost && r.URL.Path == "/clients"
		if isCreate && keyed == (r.Header.Get("Idempotency-Key") != "") && s.forward(r, withoutKey).Code == http.StatusCreated {
			s.faults.Add(1)
		}
		return false
	}
}

// stale responds to each read of a client with the response of its first read.
func stale(warning string) behavior {
	var mu sync.Mutex
	first := map[string]string{}
	return func(s *faultyService, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path == "/clients" {
			return false
		}
		now := s.forward(r, unchanged).Body.String()
		mu.Lock()
		defer mu.Unlock()
		if first[r.URL.Path] == "" {
			first[r.URL.Path] = now
		}
		if now != first[r.URL.Path] {
			s.faults.Add(1)
		}
		if warning != "" {
			w.Header().Set("Warning", warning)
		}
		_, _ = io.WriteString(w, first[r.URL.Path])
		return true
	}
}

// forgetsKeys treats every key as new.
func forgetsKeys() behavior {
	var seen sync.Map
	return func(s *faultyService, _ http.ResponseWriter, r *http.Request) bool {
		if key := r.Header.Get("Idempotency-Key"); key != "" {
			if _, repeated := seen.LoadOrStore(key, true); repeated {
				s.faults.Add(1)
			}
			withoutKey(r.Header)
		}
		return false
	}
}

// The checker of the fault tests and of the drill detects a service that loses writes, executes them twice or returns stale
// reads.
func TestFaultsAreFoundByTheChecker(t *testing.T) {
	t.Parallel()
	const faults = 5 // a load goes on until there were so many
	for name, c := range map[string]struct {
		behavior behavior
		found    string
		warned   bool
	}{
		"updates are lost":               {without(http.MethodPut), "is not linearizable", false},
		"deletions are lost":             {without(http.MethodDelete), "is not linearizable", false},
		"creations happen twice":         {createsTwice(false), "no caller created /clients/", false},
		"keyed creations happen twice":   {createsTwice(true), "no caller created /clients/", false},
		"keys are ignored":               {forgetsKeys(), "when it was sent again", false},
		"reads are stale":                {stale(""), "is not linearizable", false},
		"reads are stale with a warning": {stale(`110 - "Response is stale"`), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shared(t)
			service := newFaultyService(t, a.base, c.behavior)
			front := httptest.NewServer(service)
			defer front.Close()
			user, password, _ := strings.Cut(a.login, ":")
			l, err := workload.Start(workload.Options{
				URLs: []string{front.URL}, Clients: 2, Uses: 10,
				Login:  func(int) (string, string) { return user, password },
				Groups: []workload.Group{{Callers: 4, Keep: true, Pause: func() time.Duration { return time.Millisecond }}},
			})
			require.NoError(t, err)
			eventually(t, func() bool { return service.faults.Load() >= faults }, "%d faults", faults)
			l.Stop()
			service.honest.Store(true)
			l.Check(nil)
			var text strings.Builder
			require.Equal(t, c.found == "", l.Print(&text), &text)
			require.Contains(t, text.String(), c.found)
			if c.warned {
				require.Positive(t, l.Phases[0].Warnings)
			}
		})
	}
}
