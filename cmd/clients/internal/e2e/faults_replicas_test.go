package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Replicas that start before the servers, on an empty store, create the streams together.
func TestFaultsStartTogetherBeforeThereIsALeader(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, places)
	url := servers.URL()
	for i := range places {
		servers.Stop(i)
	}
	var replicas []*service
	for range places {
		replicas = append(replicas, launch(t, "CLIENTS_NATS_URL="+url))
	}
	for _, s := range replicas {
		eventually(t, func() bool { return s.stderr.contains("waiting for NATS") }, "it waits")
	}
	for i := range places {
		servers.Restart(t, i)
	}
	for _, s := range replicas {
		s.awaitReady(t)
	}
	_, js := connect(t, url)
	for _, name := range []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS"} {
		require.Equal(t, places, configOf(t, js, name).Replicas, name)
	}
	ids := map[int64]bool{}
	for range 3 {
		for _, s := range replicas {
			ids[s.createOnce("SuprCorp")] = true
		}
	}
	require.Len(t, ids, 9)
	for _, s := range replicas {
		require.Len(t, s.list(""), 9)
		require.Zero(t, s.stop(t))
	}
}

// While no server can be reached, at once or after a timeout, reads continue with a warning and writes are refused in
// time. When the servers are back, so is the service.
func TestFaultsOutageOfAllServers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.replicas[0].client().createOnce("SuprCorp")
	for name, lose := range map[string]func(...string){"held": s.network.Hold, "cut": s.network.Cut} {
		targets := map[*replica][]int64{} // commands on one client wait for each other
		for _, r := range s.replicas {
			require.Equal(t, "SuprCorp", r.client().get(id).Name)
			for range 2 * len(writes) {
				targets[r] = append(targets[r], s.replicas[0].client().createOnce("Target"))
			}
		}
		lose("r1", "r2", "r3")
		var all sync.WaitGroup
		for _, r := range s.replicas {
			for range 5 {
				all.Go(func() {
					begun := time.Now()
					got, err := r.client().send(http.MethodGet, path(id), "")
					assert.NoError(t, err)
					assert.Equal(t, http.StatusOK, got.status)
					assert.Contains(t, got.header.Get("Warning"), "110")
					assert.Less(t, time.Since(begun), 4*time.Second) // after one second, on an idle machine
				})
			}
			for i, target := range targets[r] {
				w, key := writes[i/2], []string{"X-None: x", fmt.Sprintf("Idempotency-Key: %d %s %s", i, r.name, name)}[i%2]
				all.Go(func() {
					begun := time.Now()
					got, err := r.client().send(w.method, fillID(w.path, target), w.body, asXML, key)
					assert.NoError(t, err)
					assert.Equal(t, http.StatusServiceUnavailable, got.status)
					assert.NotEmpty(t, got.header.Get("Retry-After"))
					assert.Less(t, time.Since(begun), refusedWithin, "%s %s with %s", w.method, w.path, key)
				})
			}
		}
		all.Wait()
		s.network.Heal()
		require.Less(t, s.heals(), healsWithin)
		s.requireStoredOnce()
	}
}

// One replica records what other services publish. When it is killed another one takes over, in about a second.
func TestFaultsOfTheReplicaThatReadsSources(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range places { // one of them is it
		other := s.replicas[(i+1)%places].client()
		known, wanted := other.createOnce("Known"), other.createOnce("Wanted")
		project(t, s.js, "ProjectCreated", known, fmt.Sprintf(`"client_id":%d`, known))
		other.references(known)
		s.replicas[i].running.Load().kill()
		project(t, s.js, "ProjectCreated", wanted, fmt.Sprintf(`"client_id":%d`, wanted))
		acknowledged := time.Now()
		var got response
		eventually(t, func() bool {
			got = other.do(http.MethodDelete, path(wanted), "")
			return got.status != http.StatusServiceUnavailable
		}, "it is known whether there are projects")
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		require.Less(t, time.Since(acknowledged), 10*time.Second)
		s.restartReplica(i)
	}
}

// Callers at all replicas change one client. Of conditional changes one succeeds; those without a condition all take effect,
// and nearly none fails because of the conflicts.
func TestFaultsRacesForAStateHaveOneWinner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.replicas[0].client().createOnce("0")
	const callers, each = 6, 10
	var lost, refused atomic.Int64
	race := func(change func(c *client) response) {
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for won := 0; won < each; {
					switch r := change(s.replicas[i%places].client()); r.status {
					case http.StatusOK:
						won++
					case http.StatusPreconditionFailed:
						lost.Add(1)
					case http.StatusServiceUnavailable:
						refused.Add(1)
					default:
						assert.Fail(t, "unexpected response", "%d %s", r.status, r.body)
						return
					}
				}
			})
		}
		all.Wait()
	}
	race(func(c *client) response {
		got, err := c.send(http.MethodGet, path(id)+".json", "")
		if assert.NoError(t, err); got.status != http.StatusOK {
			return got
		}
		var seen struct{ Client view }
		assert.NoError(t, json.Unmarshal([]byte(got.body), &seen))
		count, err := strconv.Atoi(seen.Client.Name)
		assert.NoError(t, err)
		body, key := fmt.Sprintf(`{"client":{"name":"%d"}}`, count+1), "Idempotency-Key: "+uuid.NewString()
		for { // until it is known whether it was stored
			r, err := c.send(http.MethodPut, path(id)+".json", body, asJSON, key, "If-Match: "+got.tag())
			if assert.NoError(t, err); r.status != http.StatusServiceUnavailable {
				return r
			}
		}
	})
	v := s.replicas[0].client().get(id)
	require.Equal(t, strconv.Itoa(callers*each), v.Name)
	require.EqualValues(t, callers*each, v.CacheVersion)

	lost.Store(0)
	var named atomic.Int64
	race(func(c *client) response {
		r, err := c.send(http.MethodPut, path(id), fmt.Sprintf(`{"client":{"details":"%d"}}`, named.Add(1)), asJSON)
		assert.NoError(t, err)
		return r
	})
	require.Zero(t, lost.Load())
	require.Less(t, refused.Load(), int64(callers*each/10), "none unless the machine is overloaded")
	require.EqualValues(t, 2*callers*each, s.replicas[1].client().get(id).CacheVersion)
	s.requireStoredOnce()
}

// Each key is sent through all replicas at the same time until it takes effect, while projects keep the client active from
// time to time and one replica after the other is held, so that others take its requests over. Each key leads to one event.
func TestFaultsKeyedWritesThatAreRefusedAndTakenOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	toggled := s.replicas[0].client().createOnce("Toggled")
	const callers = 4 // half of them create
	written, quit := make([]int, callers), make(chan struct{})
	var refused atomic.Int64
	var all sync.WaitGroup
	for i := range callers {
		method, target, body := http.MethodPost, togglePath(toggled), ""
		if i%2 == 0 {
			target, body = "/clients", `{"client":{"name":"Once"}}`
		}
		all.Go(func() {
			for ; ; written[i]++ {
				select {
				case <-quit:
					return
				default:
				}
				key := fmt.Sprintf("Idempotency-Key: %d of %d", written[i], i)
				results := make([]string, places)
				var senders sync.WaitGroup
				for j, r := range s.replicas {
					senders.Go(func() {
						for results[j] == "" {
							got, err := r.client().send(method, target, body, asJSON, key)
							switch {
							case err == nil && got.status/100 == 2:
								results[j] = got.header.Get("Location") + got.tag()
							case err == nil && got.status == http.StatusBadRequest:
								refused.Add(1)
							case err == nil && got.status != http.StatusServiceUnavailable:
								t.Errorf("%d %s", got.status, got.body)
								return
							}
						}
					})
				}
				senders.Wait()
				assert.Equal(t, []string{results[0], results[0], results[0]}, results)
			}
		})
	}
	project(t, s.js, "ProjectCreated", 7, fmt.Sprintf(`"client_id":%d,"active":false`, toggled))
	for begun, i := time.Now(), 0; i < 2 || time.Since(begun) < *faultsFor; i++ {
		for active := range 4 {
			project(t, s.js, "ProjectToggled", 7, fmt.Sprintf(`"active":%t`, active%2 == 0))
			s.network.Hold(s.replicas[(i+active)%places].name)
			pass(700 * time.Millisecond)
			if active%2 == 1 { // the first of two was held for 1.4 s: longer than a retry waits
				s.network.Heal()
			}
		}
		s.heals()
	}
	close(quit)
	all.Wait()
	s.requireStoredOnce()
	require.EqualValues(t, written[1]+written[3], s.replicas[0].client().get(toggled).CacheVersion)
	require.Len(t, s.replicas[0].client().list(""), 2+written[0]+written[2])
	t.Logf("%v writes, each once, and %d refusals", written, refused.Load())
}
