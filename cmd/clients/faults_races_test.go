package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Callers who go through all replicas at once and on the same client.

// A counter that each caller raises on the condition that nobody else has meanwhile: each state has one winner.
func TestFaultsRacesForAStateHaveOneWinner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.replicas[0].caller().named("0")
	const callers, each = 6, 10
	var all sync.WaitGroup
	var lost atomic.Int64
	for i := range callers {
		all.Go(func() {
			c := s.replicas[i%places].caller()
			for won := 0; won < each; {
				got, err := c.send("GET", path(id)+".xml", "")
				if !assert.NoError(t, err) {
					return
				}
				var seen view
				assert.NoError(t, xml.Unmarshal([]byte(got.body), &seen))
				count, err := strconv.Atoi(seen.Name)
				assert.NoError(t, err)
				raised := fmt.Sprintf("<client><name>%d</name></client>", count+1)
				put, err := c.send("PUT", path(id)+".xml", raised, asXML, "If-Match: "+got.tag())
				assert.NoError(t, err)
				switch put.status {
				case http.StatusOK:
					won++
				case http.StatusPreconditionFailed:
					lost.Add(1)
				default:
					assert.Fail(t, "neither won nor lost", "%d %s", put.status, put.body)
				}
			}
		})
	}
	all.Wait()
	v := s.replicas[0].caller().get(id)
	require.Equal(t, strconv.Itoa(callers*each), v.Name)
	require.Equal(t, uint64(callers*each), v.CacheVersion)
	s.storedOnce()
	t.Logf("%d won, %d lost", callers*each, lost.Load())
}

// Changes without a condition all count, and practically nobody hears of the races.
func TestFaultsRacesAreRunInside(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.replicas[0].caller().named("SuprCorp")
	const callers, each = 9, 25
	var all sync.WaitGroup
	var putOff atomic.Int64
	for i := range callers {
		all.Go(func() {
			for done := 0; done < each; {
				got, err := s.replicas[i%places].caller().send("PUT", path(id), fmt.Sprintf("<client><name>%d of %d</name></client>", done, i), asXML)
				assert.NoError(t, err)
				switch {
				case got.status == http.StatusOK:
					done++
				case got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "":
					putOff.Add(1)
				default:
					assert.Fail(t, "neither done nor put off", "%d %s", got.status, got.body)
					return
				}
			}
		})
	}
	all.Wait()
	require.Less(t, putOff.Load(), int64(callers*each/10), "which is none unless the machine is overloaded")
	t.Logf("%d done, %d put off", callers*each, putOff.Load())
	require.Equal(t, uint64(callers*each), s.replicas[1].caller().get(id).CacheVersion)
	s.storedOnce()
}

// The same request that reaches all replicas at the same moment is carried out once.
func TestFaultsTwinsLeadToOneEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	toggled := s.replicas[0].caller().named("Toggled")
	const rounds = 60
	for round := range rounds {
		created, switched := make([]string, places), make([]string, places)
		var all sync.WaitGroup
		for i, r := range s.replicas {
			all.Go(func() {
				created[i] = insist(t, r, http.StatusCreated, "POST", "/clients", "<client><name>Twin</name></client>", fmt.Sprintf("create %d", round)).header.Get("Location")
			})
			all.Go(func() {
				switched[i] = insist(t, r, http.StatusOK, "POST", togglePath(toggled), "", fmt.Sprintf("toggle %d", round)).tag()
			})
		}
		all.Wait()
		for i := range places {
			require.Equal(t, created[0], created[i])
			require.Equal(t, switched[0], switched[i])
		}
	}
	require.Equal(t, uint64(rounds), s.replicas[0].caller().get(toggled).CacheVersion)
	require.Len(t, s.replicas[0].caller().list(""), 1+rounds)
	s.storedOnce()
}

// insist sends a request under a key until it is answered.
func insist(t *testing.T, r *replica, want int, method, path, body, key string) answer {
	var got answer
	for range 100 {
		var err error
		got, err = r.caller().send(method, path, body, asXML, "Idempotency-Key: "+key)
		if err == nil && got.status != http.StatusServiceUnavailable {
			break
		}
	}
	assert.Equal(t, want, got.status, "%s %s: %s", method, path, got.body)
	return got
}
