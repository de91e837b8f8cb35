package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// writer is a caller who knows what it was answered, and what it still waited for when the service was killed.
type writer struct {
	name     string
	location string // of its client
	details  string // the last that were answered
	pending  string // the details that no answer came for; "" when the creation was not answered
	key      string // idempotency key of the request that no answer came for
}

// write creates a client, and then changes it until the service is gone. It reports each answer.
func (w *writer) write(c *caller, answered func()) {
	for i := 0; ; i++ {
		w.pending, w.key = fmt.Sprintf("%s, change %d", w.name, i), fmt.Sprintf("%s-%d", w.name, i)
		method, p := w.request()
		got, err := c.send(method, p, w.body(), asJSON, "Idempotency-Key: "+w.key)
		if err != nil || got.status >= http.StatusInternalServerError {
			return
		}
		w.location, w.details = got.header.Get("Location"), w.pending
		answered()
	}
}

func (w *writer) request() (method, p string) {
	if w.location == "" {
		return "POST", "/clients"
	}
	return "PUT", w.location
}

func (w *writer) body() string {
	return fmt.Sprintf(`{"client":{"name":%q,"details":%q}}`, w.name, w.pending)
}

// Whatever was answered is there after kill -9, and what was not is there once or not at all. A retry settles it.
func TestKilledServiceHasEveryAnsweredWriteOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var writers []*writer
	for round := range 3 {
		p := spawn(t, dir)
		requireAnswered(t, p, writers)
		const enough = 300 // answers before the kill
		var answers atomic.Int64
		killed := make(chan struct{})
		var all sync.WaitGroup
		for i := range 12 {
			w := &writer{name: fmt.Sprintf("Writer %d of round %d", i, round)}
			writers = append(writers, w)
			all.Go(func() {
				w.write(p.caller, func() {
					if answers.Add(1) == enough {
						close(killed)
					}
				})
			})
		}
		<-killed
		p.kill()
		all.Wait()
	}
	p := spawn(t, dir)
	requireAnswered(t, p, writers)
	requireSettled(t, p, writers)
}

func requireAnswered(t *testing.T, p *process, writers []*writer) {
	t.Helper()
	listed := map[string]int{}
	for _, v := range p.list("") {
		listed[v.Name]++
	}
	for _, w := range writers {
		if w.location == "" {
			require.LessOrEqual(t, listed[w.name], 1, w.name)
			continue
		}
		require.Equal(t, 1, listed[w.name], w.name)
		v := p.get(answer{header: http.Header{"Location": {w.location}}}.id(t))
		require.Equal(t, w.name, v.Name)
		require.Contains(t, []string{w.details, w.pending}, v.Details)
	}
}

// requireSettled sends again, under the same keys, what was not answered.
func requireSettled(t *testing.T, p *process, writers []*writer) {
	t.Helper()
	resend := func() []answer {
		answers := make([]answer, len(writers))
		var all sync.WaitGroup
		for i, w := range writers {
			all.Go(func() {
				method, target := w.request()
				answers[i], _ = p.send(method, target, w.body(), asJSON, "Idempotency-Key: "+w.key)
			})
		}
		all.Wait()
		return answers
	}
	tap := newTap(t, p.natsURL)
	first, last, again := resend(), tap.lastSequence(), resend()
	require.Equal(t, last, tap.lastSequence())
	for i, w := range writers {
		require.Contains(t, []int{200, 201}, first[i].status, first[i].body)
		require.Equal(t, first[i].header.Get("Location"), again[i].header.Get("Location"))
		require.Equal(t, w.pending, p.get(first[i].id(t)).Details)
	}
	require.Len(t, p.list(""), len(writers), "each client is there once")
	rebuilt := rebuild(t, tap.messages())
	for _, v := range p.list("") {
		require.Equal(t, rebuilt[v.ID], v)
	}
}
