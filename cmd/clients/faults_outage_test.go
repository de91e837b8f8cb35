package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// putOffWithin is how soon a write is answered that cannot be carried out.
const putOffWithin = 3 * time.Second

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
			targets := make(map[*replica][]int64) // commands on one client wait for each other
			for _, r := range s.replicas {
				for range 2 * len(writes) {
					targets[r] = append(targets[r], s.replicas[0].caller().named("Target"))
				}
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
				for i, w := range writes {
					for j, header := range []string{"X-None: x", fmt.Sprintf("Idempotency-Key: %d of %s", i, r.name)} {
						all.Go(func() { r.putsOff(t, w.method, fill(w.path, targets[r][2*i+j]), w.body, header) })
					}
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

// putsOff requires that a write is put off in time.
func (r *replica) putsOff(t *testing.T, method, path, body, header string) {
	begun := time.Now()
	got, err := r.caller().send(method, path, body, asXML, header)
	took := time.Since(begun)
	assert.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, got.status)
	assert.NotEmpty(t, got.header.Get("Retry-After"))
	assert.Less(t, took, putOffWithin, "%s %s with %s", method, path, header)
	t.Logf("%s: %s %s with %s was put off after %s", r.name, method, path, header, took)
}
