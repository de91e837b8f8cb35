package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// putOffWithin is 3 s, and what a busy machine adds to them.
const putOffWithin = 3500 * time.Millisecond

// With no server to be reached, whether that shows at once or not, reads go on from what is known and say so, writes are
// put off, and when the servers are back nobody has to restart anything.
func TestFaultsOutageOfAllServers(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*site){
		"silent": func(s *site) { s.network.Hold("r1", "r2", "r3") },
		"cut":    func(s *site) { s.network.Cut("r1", "r2", "r3") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			id := s.replicas[0].caller().named("SuprCorp")
			for _, r := range s.replicas {
				require.Equal(t, "SuprCorp", r.caller().get(id).Name)
			}
			lose(s)
			var all sync.WaitGroup
			for _, r := range s.replicas {
				for range 5 {
					all.Go(func() {
						begun := time.Now()
						got, err := r.caller().send("GET", path(id), "")
						assert.NoError(t, err)
						assert.Equal(t, http.StatusOK, got.status)
						assert.Contains(t, got.header.Get("Warning"), "110")
						assert.Less(t, time.Since(begun), 1500*time.Millisecond)
					})
				}
				for _, key := range []string{"X-None: x", "Idempotency-Key: of " + r.name} {
					all.Go(func() {
						begun := time.Now()
						got, err := r.caller().send("PUT", path(id), "<client><name>"+key+"</name></client>", asXML, key)
						assert.NoError(t, err)
						assert.Equal(t, http.StatusServiceUnavailable, got.status)
						assert.NotEmpty(t, got.header.Get("Retry-After"))
						assert.Less(t, time.Since(begun), putOffWithin, key)
					})
				}
			}
			all.Wait()
			s.network.Heal()
			healed := s.heals()
			require.Less(t, healed, healsWithin)
			s.storedOnce()
			t.Logf("healed in %s", healed)
		})
	}
}
