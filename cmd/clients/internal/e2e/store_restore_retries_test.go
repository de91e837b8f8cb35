package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// keyedWrites are the requests about one client, each under a key, and their responses.
type keyedWrites struct {
	name                      string
	created, changed, toggled response
}

// send makes the requests until the outcome of each is known.
func (k keyedWrites) send(c *client) (keyedWrites, error) {
	settled := func(want int, method, path, body string) (r response, err error) {
		key := fmt.Sprintf("Idempotency-Key: %s %d %s", method, want, k.name)
		for begun := time.Now(); time.Since(begun) < timeout; {
			if r, err = c.send(method, path, body, asXML, key); err != nil || r.status != http.StatusServiceUnavailable {
				break
			}
		}
		if err == nil && r.status != want {
			err = fmt.Errorf("%s of %s: %d %s", method, k.name, r.status, r.body)
		}
		return r, err
	}
	var err error
	if k.created, err = settled(http.StatusCreated, http.MethodPost, "/clients", "<client><name>"+k.name+"</name></client>"); err != nil {
		return k, err
	}
	at := k.created.header.Get("Location")
	if k.changed, err = settled(http.StatusOK, http.MethodPut, at, "<client><details>of "+k.name+"</details></client>"); err != nil {
		return k, err
	}
	k.toggled, err = settled(http.StatusOK, http.MethodPost, at+"/toggle", "")
	return k, err
}

// writeDuring runs callers that write under keys before, during and after work.
func writeDuring(t *testing.T, c *client, work func()) (all []keyedWrites) {
	t.Helper()
	const callers, before, after = 8, 24, 16
	var end, written atomic.Int64
	end.Store(1 << 40)
	var writing sync.WaitGroup
	results, failures := make([][]keyedWrites, callers), make(chan error, callers)
	for i := range callers {
		writing.Go(func() {
			for n := 0; written.Load() < end.Load(); n++ {
				k, err := keyedWrites{name: fmt.Sprintf("Writer %d, client %d", i, n)}.send(c)
				if err != nil {
					failures <- err
					return
				}
				results[i] = append(results[i], k)
				written.Add(1)
			}
		})
	}
	eventually(t, func() bool { return written.Load() >= before || len(failures) > 0 }, "much is written")
	work()
	end.Store(written.Load() + after)
	writing.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	for _, of := range results {
		all = append(all, of...)
	}
	return all
}

// After a restore, retries of all writes before and after the moment of the backup lead to one event each. The backup contains
// the counter of ids although it changes constantly.
func TestRetriesAfterARestoreHappenOnce(t *testing.T) {
	t.Parallel()
	for name, restore := range destinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if name == "three servers" {
				s = startReplicas(t, 1, natstest.Run(t, 3).URL())[0]
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var counting sync.WaitGroup
			var folder string
			js := s.administrator(t)
			all := writeDuring(t, s.on(t), func() {
				counting.Go(func() {
					for ctx.Err() == nil {
						_, _ = js.PublishMsg(ctx, &nats.Msg{Subject: "client-ids", Header: nats.Header{"Nats-Incr": {"+100"}}})
					}
				})
				folder = backup(t, s)
				stop()
				counting.Wait()
			})
			s.kill()
			r := restore(t, folder)
			verify(t, r.variables).requireFaults(t)
			restored := len(r.list(""))
			t.Logf("%d of %d clients are in the backup", restored, len(all))
			require.Less(t, restored, len(all), "some were created later")
			requireOnce(t, r, all)
		})
	}
}

// requireOnce sends everything again, twice.
func requireOnce(t *testing.T, s *service, all []keyedWrites) {
	t.Helper()
	js := s.administrator(t)
	for round := range 2 {
		last := lastSequence(t, js)
		for i, k := range all {
			again, err := k.send(s.client)
			require.NoError(t, err)
			if round > 0 {
				require.Equal(t, k.created.header.Get("Location"), again.created.header.Get("Location"))
				require.Equal(t, []string{k.created.tag(), k.changed.tag(), k.toggled.tag()}, []string{again.created.tag(), again.changed.tag(), again.toggled.tag()})
			}
			all[i] = again
		}
		if round > 0 {
			require.Equal(t, last, lastSequence(t, js), "nothing happens again")
		}
	}
	found := map[string]view{}
	for _, v := range s.list("") {
		require.NotContains(t, found, v.Name, "it was created twice")
		found[v.Name] = v
	}
	require.Len(t, found, len(all))
	for _, k := range all {
		v := found[k.name]
		require.Equal(t, path(v.ID), k.created.header.Get("Location"))
		require.Equal(t, view{Name: k.name, Details: "of " + k.name, CacheVersion: 2},
			view{Name: v.Name, Details: v.Details, CacheVersion: v.CacheVersion, Active: v.Active})
	}
	verify(t, s.variables).requireFaults(t)
}
