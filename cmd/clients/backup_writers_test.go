package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// keyedClient is a client that was made, changed and toggled, each with a key.
type keyedClient struct {
	name    string
	created answer
	changed answer
	toggled answer
}

func (k *keyedClient) key(what string) string { return "Idempotency-Key: " + what + " " + k.name }

// send makes the three requests, each of which tells where the client is.
func (k *keyedClient) send(c *caller) (sent keyedClient, err error) {
	sent.name = k.name
	sent.created, err = c.settled("POST", "/clients", "<client><name>"+k.name+"</name></client>", asXML, k.key("create"))
	if err != nil || sent.created.status != http.StatusCreated {
		return sent, fmt.Errorf("create %s: %d %s %w", k.name, sent.created.status, sent.created.body, err)
	}
	at := sent.created.header.Get("Location")
	sent.changed, err = c.settled("PUT", at, "<client><details>of "+k.name+"</details></client>", asXML, k.key("change"))
	if err != nil || sent.changed.status != http.StatusOK {
		return sent, fmt.Errorf("change %s: %d %s %w", k.name, sent.changed.status, sent.changed.body, err)
	}
	sent.toggled, err = c.settled("POST", at+"/toggle", "", k.key("toggle"))
	if err != nil || sent.toggled.status != http.StatusOK {
		return sent, fmt.Errorf("toggle %s: %d %s %w", k.name, sent.toggled.status, sent.toggled.body, err)
	}
	return sent, nil
}

// settled sends a request with a key again until its outcome is known.
func (c *caller) settled(method, path, body string, headers ...string) (a answer, err error) {
	for begun := time.Now(); time.Since(begun) < patience; {
		if a, err = c.send(method, path, body, headers...); err != nil || a.status != http.StatusServiceUnavailable {
			break
		}
	}
	return a, err
}

// writeAlong has several callers write with keys while work runs, and some more before and after it.
func writeAlong(t *testing.T, c *caller, work func()) (all []keyedClient) {
	const callers, before, after = 12, 100, 40
	var done, written atomic.Int64
	var writing sync.WaitGroup
	results := make([][]keyedClient, callers)
	faults := make(chan error, callers)
	for i := range callers {
		writing.Go(func() {
			for n := 0; done.Load() == 0 || written.Load() < done.Load(); n++ {
				k := keyedClient{name: fmt.Sprintf("Writer %d, client %d", i, n)}
				sent, err := k.send(c)
				if err != nil {
					faults <- err
					return
				}
				results[i] = append(results[i], sent)
				written.Add(1)
			}
		})
	}
	eventually(t, "much is written", func() bool { return written.Load() >= before || len(faults) > 0 })
	work()
	done.Store(written.Load() + after)
	writing.Wait()
	close(faults)
	for err := range faults {
		require.NoError(t, err)
	}
	for _, of := range results {
		all = append(all, of...)
	}
	return all
}

// Whatever callers were told before and after the moment of a backup, once they have repeated it after a restore it has
// happened once, and what they are told is true.
func TestRepeatsAfterARestoreHappenOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from func(t *testing.T) *app
		to   func(t *testing.T, folder string) settings
	}{
		"one server": {launch, func(t *testing.T, folder string) settings {
			s := testSettings(t)
			code, out, stderr := runInProcess(t, "restore", folder, "--data-dir", s.dataDir)
			require.Zero(t, code, out+stderr)
			return s
		}},
		"three servers": {func(t *testing.T) *app {
			url := natstest.Run(t, 3).URL()
			newTap(t, url).sources()
			return launchWith(t, externalSettings(t, 3, natsSettings{url: url}))
		}, func(t *testing.T, folder string) settings {
			url := natstest.Run(t, 3).URL()
			code, out, stderr := runInProcess(t, "restore", folder, "--nats-url", url)
			require.Zero(t, code, out+stderr)
			newTap(t, url).sources()
			return externalSettings(t, 3, natsSettings{url: url})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.from(t)
			folder := filepath.Join(t.TempDir(), "backup")
			all := writeAlong(t, a.on(t), func() {
				code, out, stderr := runInProcess(t, "backup", folder, "--nats-url", a.adminURL())
				require.Zero(t, code, out+stderr)
			})
			a.quit()
			b := launchWith(t, c.to(t, folder))
			require.Empty(t, verify(t, "--nats-url", b.adminURL()).faults)
			restored := len(b.list(""))
			t.Logf("%d of %d clients are in the backup", restored, len(all))
			require.Less(t, restored, len(all), "some came later")
			repeatAll(t, b, all)
		})
	}
}

// repeatAll sends all that was sent once more, twice.
func repeatAll(t *testing.T, b *app, all []keyedClient) {
	var last uint64
	for round := range 2 {
		for i, k := range all {
			again, err := k.send(b.caller)
			require.NoError(t, err)
			if round > 0 {
				for _, same := range [][2]answer{{k.created, again.created}, {k.changed, again.changed}, {k.toggled, again.toggled}} {
					require.Equal(t, same[0].header.Get("Location"), same[1].header.Get("Location"))
					require.Equal(t, same[0].tag(), same[1].tag())
				}
			}
			all[i] = again
		}
		if round > 0 {
			require.Equal(t, last, b.tap().lastSequence(), "nothing happens again")
		}
		last = b.tap().lastSequence()
	}
	found := map[string]view{}
	for _, v := range b.list("") {
		_, twice := found[v.Name]
		require.False(t, twice, "%s was made twice", v.Name)
		found[v.Name] = v
	}
	require.Len(t, found, len(all))
	for _, k := range all {
		v := found[k.name]
		require.Equal(t, path(v.ID), k.created.header.Get("Location"))
		require.Equal(t, "of "+k.name, v.Details)
		require.False(t, v.Active)
		require.Equal(t, uint64(2), v.CacheVersion)
		require.Equal(t, k.toggled.tag(), b.want(200, "GET", path(v.ID), "").tag())
	}
	require.Empty(t, verify(t, "--nats-url", b.adminURL()).faults)
}
