package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// lie is what stands between the callers and the service, and does something else than it was asked for. It answers
// whether it has dealt with the request.
type lie func(w http.ResponseWriter, r *http.Request, body []byte, ask asks) bool

// asks has the service answer a request.
type asks func(*http.Request) *httptest.ResponseRecorder

// withBody is a request once more.
func withBody(r *http.Request, body []byte) *http.Request {
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return again
}

func isCreate(r *http.Request) bool { return r.Method == "POST" && r.URL.Path == "/clients" }

func isKeyed(r *http.Request) bool { return r.Header.Get("Idempotency-Key") != "" }

// answeredOnly answers a kind of requests, and does not carry them out.
func answeredOnly(method string) lie {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, _ asks) bool {
		return r.Method == method // by 200, and an empty body
	}
}

// twice carries out each creation twice, without the caller's knowledge.
func twice(keyed bool) lie {
	return func(_ http.ResponseWriter, r *http.Request, body []byte, ask asks) bool {
		if isCreate(r) && isKeyed(r) == keyed {
			unkeyed := withBody(r, body)
			unkeyed.Header.Del("Idempotency-Key")
			ask(unkeyed)
		}
		return false
	}
}

// old answers reads of a client by what it was when it was read first.
func old(warning string) lie {
	var mu sync.Mutex
	first := make(map[string]string)
	return func(w http.ResponseWriter, r *http.Request, body []byte, ask asks) bool {
		if r.Method != "GET" || r.URL.Path == "/clients" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if first[r.URL.Path] == "" {
			first[r.URL.Path] = ask(withBody(r, body)).Body.String()
		}
		if warning != "" {
			w.Header().Set("Warning", warning)
		}
		_, _ = io.WriteString(w, first[r.URL.Path])
		return true
	}
}

// repeatedAnew takes every key for a new one.
func repeatedAnew(w http.ResponseWriter, r *http.Request, body []byte, ask asks) bool {
	if !isKeyed(r) {
		return false
	}
	r.Header.Del("Idempotency-Key")
	answer := ask(withBody(r, body))
	w.Header().Set("Location", answer.Header().Get("Location"))
	w.WriteHeader(answer.Code)
	return true
}

// A service that loses writes, carries them out twice or answers reads by what was is found out.
func TestLiesAreFoundOut(t *testing.T) {
	s := newService(t)
	for name, each := range map[string]struct {
		lie   lie
		found string
	}{
		"updates are lost":        {answeredOnly("PUT"), "lost: /clients/"},
		"deletions are lost":      {answeredOnly("DELETE"), "the list has /clients/"},
		"creations happen twice":  {twice(false), "nobody has made /clients/"},
		"keyed ones happen twice": {twice(true), "made twice with one key"},
		"keys are not heeded":     {repeatedAnew, "when it was sent again"},
		"reads are out of date":   {old(""), "stale reads"},
		"they are, and say so":    {old(`110 - "Response is stale"`), ""},
		"it does what it says it does": {func(http.ResponseWriter, *http.Request, []byte, asks) bool {
			return false
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.address})
			ask := func(r *http.Request) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				behind.ServeHTTP(w, r)
				return w
			}
			ended := make(chan struct{}) // the lie, so that the last look does not wait for an honest answer
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				select {
				case <-ended:
				default:
					if each.lie(w, withBody(r, body), body, ask) {
						return
					}
				}
				behind.ServeHTTP(w, withBody(r, body))
			}))
			defer front.Close()
			l, end := began(t, options{base: front.URL, user: "demo", password: "demo", busy: 2})
			l.phase("lies", true)
			l.sent(t, 1200)
			l.phase("no lies", false)
			close(ended)
			report, good := end()
			require.Equal(t, each.found == "", good, report)
			require.Contains(t, report, each.found)
			require.Equal(t, name == "they are, and say so", l.counter.phases()[1].warnings > 0)
		})
	}
}
