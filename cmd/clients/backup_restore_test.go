package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// keyed is a write that is sent again after the restore.
const keyed = "Idempotency-Key: sent before and after"

// livedIn is a service with all that it can hold, and a client that another service needs.
func livedIn(t *testing.T) (a *app, needed int64) {
	t.Helper()
	a = launch(t)
	needed = a.named("Needed")
	gone := a.named("Gone")
	a.update(needed, "<details>x</details>")
	a.want(201, "POST", "/clients", newClient, asXML, keyed)
	a.want(200, "DELETE", path(gone), "")
	a.tap().say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, needed)), invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, needed)),
		project("Created", 2, `"client_id":99999`))
	a.want(400, "DELETE", path(needed), "")
	return a.relaunch(), needed // which leaves a snapshot
}

func backup(t *testing.T, a *app) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "backup")
	code, out, stderr := runInProcess(t, "backup", folder, "--nats-url", a.adminURL())
	require.Zero(t, code, stderr)
	require.Contains(t, out, "CLIENTS: ")
	return folder
}

// The drill: everything is lost but the backup, on one server and on three, and comes back as it was.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	a, needed := livedIn(t)
	folder := backup(t, a)
	want, history, last := a.list(""), a.tap().messages(), a.tap().lastSequence()
	after := a.named("After the backup")
	a.quit()
	for name, restored := range map[string]func(t *testing.T) settings{
		"one server": func(t *testing.T) settings {
			s := testSettings(t)
			code, out, stderr := runInProcess(t, "restore", folder, "--data-dir", s.dataDir)
			require.Zero(t, code, out+stderr)
			return s
		},
		"three servers": func(t *testing.T) settings {
			url := natstest.Run(t, 3).URL()
			code, out, stderr := runInProcess(t, "restore", folder, "--nats-url", url)
			require.Zero(t, code, out+stderr)
			newTap(t, url).sources()
			return externalSettings(t, 3, natsSettings{url: url})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := launchWith(t, restored(t))
			require.Equal(t, want, b.list(""))
			require.Equal(t, history, b.tap().messages()[:len(history)])
			require.GreaterOrEqual(t, b.tap().lastSequence(), last)
			require.Contains(t, b.want(400, "DELETE", path(needed), "").header.Get("Hint"), "1 active project and 1 invoice")
			again := b.want(201, "POST", "/clients", newClient, asXML, keyed)
			require.Equal(t, "/clients/3", again.header.Get("Location"), "the first answer")
			require.Greater(t, b.named("New"), after-1, "ids that were counted are not counted again")
			code, out, stderr := runInProcess(t, "quarantine", "list", "--nats-url", b.adminURL())
			require.Zero(t, code, stderr)
			require.Contains(t, out, "unknown-client")
			require.Empty(t, verify(t, "--nats-url", b.adminURL()).faults)
		})
	}
}

func TestRestoreTakesNothingAway(t *testing.T) {
	t.Parallel()
	a, _ := livedIn(t)
	folder := backup(t, a)
	code, _, stderr := runInProcess(t, "backup", folder, "--nats-url", a.adminURL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is not empty")
	code, _, stderr = runInProcess(t, "restore", folder, "--nats-url", a.adminURL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "the service is running")
	settings := a.settings
	a.quit()
	code, _, stderr = runInProcess(t, "restore", folder, "--data-dir", settings.dataDir)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "the data directory holds a store already")
	require.Len(t, launchWith(t, settings).list(""), 2, "all is as it was")

	empty := filepath.Join(t.TempDir(), "data")
	files, err := filepath.Glob(filepath.Join(folder, "CLIENTS", "*"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		content[len(content)/2] ^= 1
		require.NoError(t, os.WriteFile(file, content, 0o600))
		code, _, stderr = runInProcess(t, "restore", folder, "--data-dir", empty)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "of stream CLIENTS is not what was written")
		content[len(content)/2] ^= 1
		require.NoError(t, os.WriteFile(file, content, 0o600))
	}
	require.NoError(t, os.Remove(filepath.Join(folder, manifestFile)))
	code, _, stderr = runInProcess(t, "restore", folder, "--data-dir", empty)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "there is no complete backup")
	require.NoDirExists(t, empty)
}
