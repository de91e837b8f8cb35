package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without NATS reads go on from what is known, marked as such, and writes are put off.
func TestOutageOfNATS(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	targets := []int64{a.named("One"), a.named("Two"), a.named("Three"), a.named("Four"), a.named("Five"), a.named("Six"), a.named("Seven"), a.named("Eight")}
	before := a.list("")
	tag := a.want(200, "GET", path(id), "").tag()
	a.embedded.Shutdown()

	var all sync.WaitGroup
	for _, p := range []string{"/clients", "/clients.json", path(id), path(id) + ".json", "/clients?updated_since=2010-09-25"} {
		all.Go(func() {
			begun := time.Now()
			got, err := a.send("GET", p, "")
			assert.NoError(t, err)
			assert.Less(t, time.Since(begun), 3*time.Second)
			assert.Equal(t, 200, got.status)
			assert.Contains(t, got.header.Get("Warning"), "110", p)
		})
	}
	all.Wait()
	require.Equal(t, before, a.list(""))
	require.Contains(t, a.want(304, "GET", path(id), "", "If-None-Match: "+tag).header.Get("Warning"), "110")
	a.want(404, "GET", path(id+1000), "")

	for i, w := range writes {
		for _, key := range []string{"X-None: x", fmt.Sprintf("Idempotency-Key: key %d", i)} {
			target := targets[0]
			targets = targets[1:]
			all.Go(func() {
				begun := time.Now()
				got, err := a.send(w.method, fill(w.path, target), w.body, asXML, key)
				assert.NoError(t, err)
				assert.Less(t, time.Since(begun), putOffWithin, "%s %s with %s", w.method, w.path, key)
				assert.Equal(t, http.StatusServiceUnavailable, got.status)
				assert.NotEmpty(t, got.header.Get("Retry-After"))
				assert.NotContains(t, strings.ToLower(got.body), "nats", "nothing internal")
			})
		}
	}
	all.Wait()
	a.want(400, "POST", "/clients", "<client>", asXML)
	require.Equal(t, before, a.list(""))
	require.Equal(t, 200, a.ops("/livez").status)

	a = a.relaunch() // with what was answered and nothing else
	require.Equal(t, before, a.list(""))
}

// With eventual reads nobody is asked, and nothing is marked.
func TestEventualReadsNeedNobody(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	settings.eventualReads = true
	a := launchWith(t, settings)
	id := a.named("SuprCorp")
	require.Equal(t, "SuprCorp", a.get(id).Name, "the replica that has answered a write shows it")
	a.embedded.Shutdown()
	got := a.want(200, "GET", path(id), "")
	require.Empty(t, got.header.Get("Warning"))
}
