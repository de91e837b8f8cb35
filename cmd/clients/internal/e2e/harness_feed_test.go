package e2e_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// feed is an open feed, read line by line.
type feed struct {
	t        testing.TB
	response *http.Response
	lines    *bufio.Scanner
	close    context.CancelFunc
	lastID   string // as a browser would remember it
}

// feedEvent is an event of a feed.
type feedEvent struct{ id, kind, data string }

// sequence returns the number in the id.
func (e feedEvent) sequence(t testing.TB) uint64 {
	number, _, _ := strings.Cut(e.id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	require.NoError(t, err)
	return n
}

// openFeed opens a feed, with a query such as "?after=0". It is closed when the test ends.
func (c *client) openFeed(query string, headers ...string) *feed {
	c.t.Helper()
	f, err := c.tryFeed(query, headers...)
	require.NoError(c.t, err)
	require.Equal(c.t, http.StatusOK, f.response.StatusCode)
	return f
}

// tryFeed is openFeed that may fail or be refused.
func (c *client) tryFeed(query string, headers ...string) (*feed, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/clients/feed"+query, nil)
	require.NoError(c.t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	if user, password, given := strings.Cut(c.login, ":"); given {
		request.SetBasicAuth(user, password)
	}
	response, err := (&http.Client{Transport: c.http.Transport}).Do(request) // without a timeout
	if err != nil {
		return nil, err
	}
	f := &feed{t: c.t, response: response, lines: bufio.NewScanner(response.Body), close: cancel}
	f.lines.Buffer(nil, 1<<20)
	return f, nil
}

// next returns the next event, or false when the feed has ended.
func (f *feed) next() (e feedEvent, ok bool) {
	limit := time.AfterFunc(timeout, f.close)
	defer limit.Stop()
	for f.lines.Scan() {
		switch name, value, _ := strings.Cut(f.lines.Text(), ": "); name {
		case "id":
			e.id, f.lastID = value, value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			if e.data != "" {
				return e, true
			}
		}
	}
	return e, false
}

// take returns the next n events.
func (f *feed) take(n int) (taken []feedEvent) {
	f.t.Helper()
	for range n {
		e, ok := f.next()
		require.True(f.t, ok, "the feed has ended after %d of %d events: %v", len(taken), n, f.lines.Err())
		taken = append(taken, e)
	}
	return taken
}

// requireEnd fails if there is another event, or if the feed goes on.
func (f *feed) requireEnd(within time.Duration) {
	f.t.Helper()
	begun := time.Now()
	e, more := f.next()
	require.False(f.t, more, "%v", e)
	require.Less(f.t, time.Since(begun), within)
}

// requireSame requires that a feed had the stored events, in order.
func requireSame(t testing.TB, stored []event, got []feedEvent) {
	t.Helper()
	var want, have []uint64
	for _, e := range stored {
		want = append(want, e.sequence)
	}
	for _, e := range got {
		have = append(have, e.sequence(t))
	}
	require.Equal(t, want, have)
}
