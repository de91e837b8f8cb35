package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever repeats a request under its key until it is answered has caused one event, whatever servers are lost
// meanwhile.
func TestFaultsKeyedWritesAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	toggled := s.replicas[0].caller().named("Toggled")
	const callers = 6
	written := make([]int, callers)
	quit := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				key := fmt.Sprintf("%d of %d", written[i], i)
				if i%2 == 0 {
					s.insistAnywhere(i, http.StatusCreated, "POST", "/clients", "<client><name>Once</name></client>", key)
				} else {
					s.insistAnywhere(i, http.StatusOK, "POST", togglePath(toggled), "", key)
				}
				written[i]++
			}
		})
	}
	for begun, i := time.Now(), 0; i < 2 || time.Since(begun) < faultsFor(); i++ {
		s.killServer(i % places)
		pass(500 * time.Millisecond)
		s.restartServer(i % places)
		s.heals()
	}
	close(quit)
	all.Wait()
	creates, toggles := 0, 0
	for i := range callers {
		if i%2 == 0 {
			creates += written[i]
		} else {
			toggles += written[i]
		}
	}
	s.storedOnce()
	require.Equal(t, uint64(toggles), s.replicas[0].caller().get(toggled).CacheVersion)
	once := 0
	for _, v := range s.replicas[0].caller().list("") {
		if v.Name == "Once" {
			once++
		}
	}
	require.Equal(t, creates, once)
	t.Logf("%d creates and %d toggles, each once", creates, toggles)
}

// insistAnywhere sends a request under a key until it is answered, each time through another replica.
func (s *site) insistAnywhere(first, want int, method, path, body, key string) {
	for attempt := first; ; attempt++ {
		r := s.replicas[attempt%places]
		got, err := r.caller().send(method, path, body, asXML, "Idempotency-Key: "+key)
		if err == nil && got.status == want {
			return
		}
		if err == nil && got.status != http.StatusServiceUnavailable {
			s.t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
			return
		}
	}
}

// Keyed toggles that a project stands in the way of from time to time, each sent through all replicas until it is applied,
// while one replica after the other is held up, so that its requests are taken over. Each key has led to one event.
func TestFaultsKeyedWritesThatAreRefusedAndTakenOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	toggled := s.replicas[0].caller().named("Toggled")
	const callers = 3
	written, quit := make([]int, callers), make(chan struct{})
	var refused atomic.Int64
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for ; ; written[i]++ {
				select {
				case <-quit:
					return
				default:
				}
				key := fmt.Sprintf("Idempotency-Key: %d of %d", written[i], i)
				tags := make([]string, places)
				var senders sync.WaitGroup
				for j, r := range s.replicas {
					senders.Go(func() {
						for tags[j] == "" {
							got, err := r.caller().send("POST", togglePath(toggled), "", key)
							switch {
							case err == nil && got.status == http.StatusOK:
								tags[j] = got.tag()
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
				assert.Equal(t, tags[0], tags[1])
				assert.Equal(t, tags[0], tags[2])
			}
		})
	}
	s.say(project("Created", 7, fmt.Sprintf(`"client_id":%d,"active":false`, toggled)))
	for begun, i := time.Now(), 0; i < 2 || time.Since(begun) < faultsFor(); i++ {
		for active := range 4 {
			s.say(project("Toggled", 7, fmt.Sprintf(`"active":%t`, active%2 == 0)))
			s.network.Hold(s.replicas[(i+active)%places].name)
			pass(700 * time.Millisecond)
			if active%2 == 1 { // the first one of two was held for 1.4 s: longer than a retry waits
				s.network.Heal()
			}
		}
		s.heals()
	}
	close(quit)
	all.Wait()
	s.storedOnce()
	toggles := 0
	for _, n := range written {
		toggles += n
	}
	require.Equal(t, uint64(toggles), s.replicas[0].caller().get(toggled).CacheVersion)
	t.Logf("%d toggles, each once, and %d refusals", toggles, refused.Load())
}
