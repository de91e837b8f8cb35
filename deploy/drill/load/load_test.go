package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// began starts a load. The function that it answers ends it, and answers what is reported.
func began(t *testing.T, o options) (l *load, end func() (string, bool)) {
	t.Helper()
	l, err := newLoad(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(l.working.Wait)
	t.Cleanup(cancel)
	require.NoError(t, l.start(ctx))
	return l, func() (string, bool) {
		l.phase("ended", false)
		cancel()
		l.working.Wait()
		l.check(t.Context())
		var report bytes.Buffer
		good := l.report(&report)
		t.Logf("%s", report.String())
		return report.String(), good
	}
}

// sent waits until there were so many more requests.
func (l *load) sent(t *testing.T, more int) {
	t.Helper()
	requests := func() int {
		l.counter.mu.Lock()
		defer l.counter.mu.Unlock()
		return l.counter.current.requests
	}
	for want, until := requests()+more, time.Now().Add(time.Minute); requests() < want; time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(until), "%d requests, and not %d", requests(), want)
	}
}

// A service that does what it says fails nobody, and when it is killed loses nothing of what it answered.
func TestAGoodServiceIsFoundGood(t *testing.T) {
	s := newService(t)
	l, end := began(t, options{base: "http://" + s.address, user: "demo", password: "demo", users: 40, busy: 4, fresh: 4, slow: 32})
	l.phase("quiet", true)
	l.sent(t, 1000)
	l.phase("killed", false)
	s.stop(syscall.SIGKILL)
	l.sent(t, 10)
	s.start()
	l.sent(t, 500)
	l.phase("after", true)
	l.sent(t, 500)
	report, good := end()
	require.True(t, good, report)
	phases := l.counter.phases()
	require.Equal(t, "killed", phases[2].phase)
	require.Positive(t, phases[2].failures, "it was killed")
	require.Positive(t, phases[2].writeGap)
	require.NotContains(t, report, "FAULT")
	made := 0
	for _, c := range l.callers {
		made += len(c.settled)
	}
	require.Positive(t, made, "some were made with a key")
}

func TestAFailureInAStrictPhaseIsAFault(t *testing.T) {
	s := newService(t)
	l, end := began(t, options{base: "http://" + s.address, user: "demo", password: "demo", busy: 2})
	l.phase("restart", true)
	l.sent(t, 100)
	s.stop(syscall.SIGTERM)
	l.sent(t, 10)
	s.start()
	l.sent(t, 100)
	report, good := end()
	require.False(t, good, report)
	require.Contains(t, report, "FAULT: restart failed ")
	require.Equal(t, 1, strings.Count(report, "FAULT"), report)
}
