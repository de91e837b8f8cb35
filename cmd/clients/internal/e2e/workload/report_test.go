package workload

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFailedRequestIsAFaultOnlyInAStrictPhase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strict, fails bool
		fault         string
	}{
		"strict, and none fails": {strict: true},
		"strict, and some fail":  {strict: true, fails: true, fault: "FAULT: middle failed "},
		"not strict":             {fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failing atomic.Bool
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/clients":
					_, _ = w.Write([]byte("[]"))
				case failing.Load():
					w.WriteHeader(http.StatusServiceUnavailable)
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer service.Close()
			l, err := Start(Options{URLs: []string{service.URL}})
			require.NoError(t, err)
			l.callers = append(l.callers, l.newCaller(0, Group{Keep: true, Pause: func() time.Duration { return 0 }}))
			read := func() { l.callers[0].attempt(Operation{Kind: Get, Client: "/clients/7"}, 0) }
			l.Phase("middle", c.strict)
			read()
			failing.Store(c.fails)
			read()
			l.Phase("after", true)
			failing.Store(false)
			read()
			l.Stop()
			var text strings.Builder
			require.Equal(t, c.fault == "", l.Print(&text), &text)
			require.Contains(t, text.String(), c.fault)
			middle := l.Phases[1]
			require.Equal(t, "middle", middle.Phase)
			require.Equal(t, map[bool]map[string]int{false: {}, true: {"status 503": 1}}[c.fails], middle.Failures)
		})
	}
}
