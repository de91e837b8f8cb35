package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// onceKey is of a write that is sent before the backup and after the restore.
const onceKey = "Idempotency-Key: sent before and after"

// startUsed runs a service with everything that it can store: the client needed has a project and an invoice.
func startUsed(t *testing.T) (s *service, needed int64) {
	t.Helper()
	s = start(t)
	needed = s.create("Needed")
	gone := s.create("Gone")
	s.update(needed, "<details>x</details>")
	s.create("Once", onceKey)
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	js := s.partner(t)
	project(t, js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, needed))
	invoice(t, js, "InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, needed))
	project(t, js, "ProjectCreated", 2, `"client_id":99999`)
	s.references(needed)
	require.Zero(t, s.stop(t)) // it saves a snapshot
	return s.restart(t), needed
}

func backup(t *testing.T, s *service) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "backup")
	r := run(t, s.variables, "backup", folder)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "CLIENTS: ")
	return folder
}

// destinations are where a backup can be restored to. Each restores a folder and returns the service that was started.
var destinations = map[string]func(t *testing.T, folder string) *service{
	"data directory": func(t *testing.T, folder string) *service {
		dir := filepath.Join(t.TempDir(), "data")
		r := run(t, nil, "restore", folder, "--data-dir", dir)
		require.Zero(t, r.code, r.stderr)
		return startIn(t, dir)
	},
	"three servers": func(t *testing.T, folder string) *service {
		url := natstest.Run(t, 3).URL()
		r := run(t, nil, "restore", folder, "--nats-url", url)
		require.Zero(t, r.code, r.stderr)
		return startReplicas(t, 1, url)[0]
	},
}

func TestARestoreBringsEverythingBack(t *testing.T) {
	t.Parallel()
	s, needed := startUsed(t)
	folder := backup(t, s)
	want, history := s.list(""), events(t, s.administrator(t), "clients.>")
	last := lastSequence(t, s.administrator(t))
	s.create("After the backup")
	for name, restore := range destinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := restore(t, folder)
			require.Equal(t, want, r.list(""))
			js := r.administrator(t)
			require.Equal(t, history, events(t, js, "clients.>")[:len(history)])
			require.GreaterOrEqual(t, lastSequence(t, js), last)
			require.Contains(t, r.references(needed), "1 active project and 1 invoice")
			require.EqualValues(t, 3, r.create("Once", onceKey), "the first response")
			require.Greater(t, r.create("New"), int64(3))
			require.Equal(t, "unknown-client", r.deadLetters()[0].Reason)
			verify(t, r.variables).requireFaults(t)
		})
	}
}

// Neither a backup nor a restore overwrites anything, and no folder is restored that is not what a backup wrote.
func TestARestoreIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := startUsed(t)
	folder := backup(t, s)
	refused := func(variables []string, args ...string) string {
		t.Helper()
		r := run(t, variables, args...)
		require.Equal(t, 1, r.code, "%s", args)
		return r.stderr
	}
	refused(s.variables, "backup", folder) // it is not empty
	refused(s.variables, "backup", filepath.Join(folder, "manifest.json"))
	refused(s.variables, "backup", filepath.Join(folder, "manifest.json", "below"))
	require.Contains(t, refused(s.variables, "restore", folder), "running")
	require.Zero(t, s.stop(t))
	refused(nil, "restore", folder, "--data-dir", s.dataDir)
	require.Len(t, s.restart(t).list(""), 2, "all is as it was")

	changed := func(file string, change func([]byte) []byte) (changed string) {
		changed = filepath.Join(t.TempDir(), "changed")
		require.NoError(t, os.CopyFS(changed, os.DirFS(folder)))
		content, err := os.ReadFile(filepath.Join(changed, file))
		require.NoError(t, err)
		write(t, filepath.Join(changed, file), string(change(content)))
		return changed
	}
	replace := func(old, by string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(by)) }
	}
	flipped := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }
	files, err := filepath.Glob(filepath.Join(folder, "CLIENTS", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	bad := map[string]string{
		"no stream":         changed("manifest.json", func([]byte) []byte { return []byte(`{"format":1}`) }),
		"another folder":    changed("manifest.json", replace(`"CLIENTS"`, `"../CLIENTS"`)),
		"one twice":         changed("manifest.json", replace(`"CLIENTS_QUARANTINE"`, `"CLIENTS"`)),
		"half a manifest":   changed("manifest.json", func(b []byte) []byte { return b[:len(b)/2] }),
		"another format":    changed("manifest.json", replace(`"format": 1`, `"format": 2`)),
		"a file is missing": changed("manifest.json", replace(`"backup.json"`, `"more.json": "0", "backup.json"`)),
		"no manifest":       filepath.Join(folder, "CLIENTS"),
		"nothing":           filepath.Join(folder, "none"),
	}
	for _, file := range files {
		bad["a flipped bit in "+filepath.Base(file)] = changed(filepath.Join("CLIENTS", filepath.Base(file)), flipped)
	}
	for name, folder := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			r := run(t, nil, "restore", folder, "--data-dir", dir)
			require.Equal(t, 1, r.code)
			require.NotEmpty(t, r.stderr)
			require.NoDirExists(t, dir)
		})
	}
}

// A restore that is interrupted leaves nothing on which a service starts, and can be run again. A stream that exists is not
// touched.
func TestAnInterruptedRestoreCanBeRunAgain(t *testing.T) {
	t.Parallel()
	s, _ := startUsed(t)
	folder, want := backup(t, s), s.list("")
	s.create("After the backup")
	require.Zero(t, s.stop(t))
	t.Run("data directory", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		require.NoError(t, os.CopyFS(filepath.Join(dir, "restoring"), os.DirFS(filepath.Join(s.dataDir, "nats"))))
		mark, err := os.ReadFile(filepath.Join(s.dataDir, "high-water")) // of a newer store
		require.NoError(t, err)
		write(t, filepath.Join(dir, "high-water"), string(mark))
		refused := launch(t, "CLIENTS_DATA_DIR="+dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0")
		require.Equal(t, 1, refused.exitCode(t))
		require.Contains(t, refused.stderr.String(), "restore")
		again := run(t, nil, "restore", folder, "--data-dir", dir)
		require.Zero(t, again.code, again.stderr)
		require.Equal(t, want, startIn(t, dir).list(""))
	})
	t.Run("servers", func(t *testing.T) {
		t.Parallel()
		url := natstest.Run(t, 1).URL()
		_, js := connect(t, url)
		variables := []string{"CLIENTS_NATS_URL=" + url, "CLIENTS_STREAM_REPLICAS=1"}
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CLIENTS", Subjects: []string{"a-restore-that-is-not-finished"}})
		require.NoError(t, err)
		refused := launch(t, variables...)
		require.Equal(t, 1, refused.exitCode(t))
		require.Contains(t, refused.stderr.String(), "the restore of the stream CLIENTS was not finished")
		r := run(t, variables, "verify")
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "the restore of the stream CLIENTS was not finished")
		r = run(t, variables, "restore", folder)
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "CLIENTS")
		require.NoError(t, js.DeleteStream(t.Context(), "CLIENTS"))
		r = run(t, variables, "restore", folder)
		require.Zero(t, r.code, r.stderr)
		s := startReplicas(t, 1, url, "CLIENTS_STREAM_REPLICAS=1")[0]
		require.Equal(t, want, s.list(""))
		require.Zero(t, s.stop(t))
		last := lastSequence(t, js)
		require.Equal(t, 1, run(t, variables, "restore", folder).code)
		require.Equal(t, last, lastSequence(t, js), "it is left as it is")
	})
}

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

// writeDuring has callers write under keys while work runs, some before and some after it.
func writeDuring(t *testing.T, c *client, work func()) (all []keyedWrites) {
	t.Helper()
	const callers, before, after = 8, 60, 30
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

// Whatever callers wrote before and after the moment of a backup: after a restore, their retries make it happen once.
// The counter of ids is in the backup though it moves all the time.
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
