package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Neither a backup nor a restore overwrites anything, and only a complete backup is restored.
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
	password, err := os.ReadFile(filepath.Join(s.dataDir, "admin-password"))
	require.NoError(t, err)
	administrator := withUser(s.nats, "admin:"+strings.TrimSpace(string(password)))
	require.Contains(t, refused(nil, "restore", folder, "--nats-url", administrator), "running")
	require.Equal(t, 2, run(t, s.variables, "restore", folder).code, "a restore without a destination")
	require.Zero(t, s.stop(t))
	refused(nil, "restore", folder, "--data-dir", s.dataDir)
	require.Len(t, s.restart(t).list(""), 2, "all is as it was")
	empty := filepath.Join(t.TempDir(), "list")
	write(t, empty, "")
	elsewhere := filepath.Join(t.TempDir(), "data")
	require.Contains(t, refused(nil, "restore", folder, "--data-dir", elsewhere, "--erasures", empty), empty+": no client in it")
	require.NoDirExists(t, elsewhere)

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
		"another number":    changed("manifest.json", replace(`"last_sequence": `, `"last_sequence": 1`)),
		"a missing number":  changed("manifest.json", replace(`"messages"`, `"massages"`)),
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

// After an interrupted restore no service starts, and the restore can be run again. Existing streams are not changed.
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
