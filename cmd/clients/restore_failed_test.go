package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// alter changes a copy of a backup, and has its manifest say that it is as it was written.
func alter(t *testing.T, backup string, change func(folder string)) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "altered")
	require.NoError(t, os.CopyFS(folder, os.DirFS(backup)))
	change(folder)
	var m manifest
	content, err := os.ReadFile(filepath.Join(folder, manifestFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &m))
	require.NoError(t, m.write(folder))
	return folder
}

// cutShort takes the end of the events away.
func cutShort(t *testing.T, folder string) {
	archives, err := filepath.Glob(filepath.Join(folder, "CLIENTS", "stream.*"))
	require.NoError(t, err)
	require.Len(t, archives, 1)
	info, err := os.Stat(archives[0])
	require.NoError(t, err)
	require.NoError(t, os.Truncate(archives[0], info.Size()/2))
}

// A restore that fails leaves nothing behind, and can be run again.
func TestAFailedRestoreCanBeRunAgain(t *testing.T) {
	t.Parallel()
	a, _ := livedIn(t)
	folder := backup(t, a)
	want := a.list("")
	a.quit()
	broken := alter(t, folder, func(folder string) { cutShort(t, folder) })
	t.Run("data directory", func(t *testing.T) {
		t.Parallel()
		s := testSettings(t)
		code, _, stderr := runInProcess(t, "restore", broken, "--data-dir", s.dataDir)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "stream CLIENTS")
		left, err := os.ReadDir(s.dataDir)
		require.NoError(t, err)
		require.Len(t, left, 1, "the lock, which is nobody's")
		code, _, stderr = runInProcess(t, "restore", folder, "--data-dir", s.dataDir)
		require.Zero(t, code, stderr)
		require.Equal(t, want, launchWith(t, s).list(""))
	})
	t.Run("servers", func(t *testing.T) {
		t.Parallel()
		url := natstest.Run(t, 3).URL()
		code, _, stderr := runInProcess(t, "restore", broken, "--nats-url", url)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "stream CLIENTS")
		names := newTap(t, url).js.StreamNames(t.Context())
		for name := range names.Name() {
			require.Fail(t, "it is left behind", name)
		}
		require.NoError(t, names.Err())
		newTap(t, url).sources()
		code, _, stderr = runInProcess(t, "restore", folder, "--nats-url", url)
		require.Zero(t, code, stderr)
		require.Equal(t, want, launchWith(t, externalSettings(t, 3, natsSettings{url: url})).list(""))
	})
	t.Run("a stream that is there is left there", func(t *testing.T) {
		t.Parallel()
		url := natstest.Run(t, 1).URL()
		p := newTap(t, url)
		p.sources()
		other := launchWith(t, externalSettings(t, 1, natsSettings{url: url}))
		other.named("Other")
		other.quit()
		code, _, stderr := runInProcess(t, "restore", folder, "--nats-url", url, "--stream-replicas", "1")
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "there is a stream CLIENTS already")
		require.Equal(t, uint64(1), p.lastSequence())
	})
}

// Who ends a restore halfway, with no time to clear up, finds out before a service does anything there.
func TestAServiceDoesNotStartOnHalfARestore(t *testing.T) {
	t.Parallel()
	a, _ := livedIn(t)
	dir := a.settings.dataDir
	folder := backup(t, a)
	want := a.list("")
	a.named("After the backup")
	a.quit()
	noEnd := alter(t, folder, func(folder string) { // fails after everything else
		require.NoError(t, os.WriteFile(filepath.Join(folder, keysStream, lateKeysFile), []byte("{"), 0o600))
	})
	refused := func(t *testing.T, s settings, why string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := start(ctx, s, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, why)
	}
	t.Run("data directory", func(t *testing.T) {
		t.Parallel()
		s := testSettings(t)
		draft, err := eventstore.BeginDraft(s.dataDir, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		refused(t, s, "in use by another process")
		kept := filepath.Join(t.TempDir(), "kept")
		require.NoError(t, os.CopyFS(kept, os.DirFS(s.dataDir)))
		require.NoError(t, draft.Discard())
		require.NoError(t, os.CopyFS(s.dataDir+"2", os.DirFS(kept)))
		s.dataDir += "2"
		refused(t, s, "a restore into the data directory was interrupted")
		further, err := os.ReadFile(filepath.Join(dir, "high-water")) // of a store that was removed
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(s.dataDir, "high-water"), further, 0o600))
		code, _, stderr := runInProcess(t, "restore", folder, "--data-dir", s.dataDir)
		require.Zero(t, code, stderr)
		require.Equal(t, want, launchWith(t, s).list(""))
	})
	t.Run("servers", func(t *testing.T) {
		t.Parallel()
		p := newTap(t, natstest.Run(t, 1).URL())
		p.sources()
		made, err := readManifest(noEnd)
		require.NoError(t, err)
		r := &restoration{made: made, folder: noEnd, replicas: 1, streams: streams{io.Discard, io.Discard}}
		require.NoError(t, r.use(p.nc))
		require.Error(t, r.run(t.Context()))
		refused(t, externalSettings(t, 1, natsSettings{url: p.nc.ConnectedUrl()}), unfinishedSubject)
		require.NoError(t, r.undo())
	})
}

func TestWhatIsNoBackupIsRefusedInWords(t *testing.T) {
	t.Parallel()
	a, _ := livedIn(t)
	whole := backup(t, a)
	file := filepath.Join(whole, manifestFile)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	code, _, stderr := runInProcess(t, "backup", file, "--nats-url", a.adminURL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is a file and not a folder")
	code, _, stderr = runInProcess(t, "backup", filepath.Join(file, "below"), "--nats-url", a.adminURL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "manifest.json cannot be used: not a directory")
	for name, c := range map[string]struct {
		manifest []byte
		why      string
	}{
		"nothing in it":     {[]byte(`{"format":1}`), "its manifest lacks OBJ_CLIENTS_SNAPSHOTS, KV_CLIENTS_KEYS, CLIENTS, CLIENTS_QUARANTINE, CLIENTS_IDS"},
		"a stranger":        {bytes.ReplaceAll(content, []byte(`"CLIENTS"`), []byte(`"../CLIENTS"`)), `names "../CLIENTS"`},
		"one twice":         {bytes.ReplaceAll(content, []byte(`"CLIENTS_QUARANTINE"`), []byte(`"CLIENTS"`)), `names "CLIENTS"`},
		"no files":          {bytes.ReplaceAll(content, []byte(`"backup.json"`), []byte(`"other.json"`)), "has no files of stream"},
		"not JSON":          {content[:len(content)/2], "is not one that this release can read"},
		"from the future":   {bytes.Replace(content, []byte(`"format": 1`), []byte(`"format": 2`), 1), "is not one that this release can read"},
		"what is not there": {bytes.Replace(content, []byte(`"backup.json"`), []byte(`"more.json": "0", "backup.json"`), 1), "more.json of stream"},
	} {
		folder := filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "-"))
		require.NoError(t, os.CopyFS(folder, os.DirFS(whole)))
		require.NoError(t, os.WriteFile(filepath.Join(folder, manifestFile), c.manifest, 0o600))
		dir := filepath.Join(t.TempDir(), "data")
		code, _, stderr := runInProcess(t, "restore", folder, "--data-dir", dir)
		require.Equal(t, 1, code, name)
		require.Contains(t, stderr, c.why, name)
		require.NoDirExists(t, dir)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(whole, "CLIENTS")))
	code, _, stderr = runInProcess(t, "restore", whole, "--data-dir", filepath.Join(t.TempDir(), "data"))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "CLIENTS cannot be used: no such file or directory")
}
