package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// keyedWriter creates a client and changes it, each request under a key of its own. It remembers the last response, and the
// request that had none.
type keyedWriter struct {
	name     string
	location string // of its client
	details  string // last acknowledged
	pending  string // details of the request without a response
}

// request is the pending request.
func (w *keyedWriter) request(c *client) (response, error) {
	method, target := http.MethodPut, w.location
	if target == "" {
		method, target = http.MethodPost, "/clients"
	}
	body := fmt.Sprintf(`{"client":{"name":%q,"details":%q}}`, w.name, w.pending)
	return c.send(method, target, body, asJSON, "Idempotency-Key: "+w.pending)
}

// write sends requests until the service has ended.
func (w *keyedWriter) write(c *client, acknowledged func()) {
	for i := 0; ; i++ {
		w.pending = fmt.Sprintf("%s, change %d", w.name, i)
		r, err := w.request(c)
		if err != nil || r.status >= http.StatusInternalServerError {
			return
		}
		w.location, w.details = r.header.Get("Location"), w.pending
		acknowledged()
	}
}

// After kill -9 every acknowledged write is stored once, and the others once or not at all. After a retry they are stored once.
func TestAKilledServiceHasEveryAcknowledgedWriteOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var writers []*keyedWriter
	for round := range 3 {
		s := startIn(t, dir)
		requireAcknowledged(t, s, writers)
		const enough = 150 // responses before the kill
		var responses atomic.Int64
		reached := make(chan struct{})
		var all sync.WaitGroup
		for i := range 12 {
			w := &keyedWriter{name: fmt.Sprintf("Writer %d of round %d", i, round)}
			writers = append(writers, w)
			all.Go(func() {
				w.write(s.client, func() {
					if responses.Add(1) == enough {
						close(reached)
					}
				})
			})
		}
		<-reached
		s.kill()
		all.Wait()
	}
	s := startIn(t, dir)
	requireAcknowledged(t, s, writers)
	js := s.administrator(t)
	var last uint64
	for range 2 { // the second time nothing is stored
		for _, w := range writers {
			r, err := w.request(s.client)
			require.NoError(t, err)
			require.Contains(t, []int{http.StatusOK, http.StatusCreated}, r.status, r.body)
			w.location, w.details = r.header.Get("Location"), w.pending
			require.Equal(t, w.pending, s.get(r.id(t)).Details)
		}
		if last != 0 {
			require.Equal(t, last, lastSequence(t, js))
		}
		last = lastSequence(t, js)
	}
	require.Len(t, s.list(""), len(writers))
	requireRebuilt(t, s)
}

func requireAcknowledged(t *testing.T, s *service, writers []*keyedWriter) {
	t.Helper()
	listed := map[string][]view{}
	for _, v := range s.list("") {
		listed[v.Name] = append(listed[v.Name], v)
	}
	for _, w := range writers {
		if w.location == "" {
			require.LessOrEqual(t, len(listed[w.name]), 1, w.name)
			continue
		}
		require.Len(t, listed[w.name], 1, w.name)
		require.Equal(t, w.location, path(listed[w.name][0].ID))
		require.Contains(t, []string{w.details, w.pending}, listed[w.name][0].Details)
	}
}
