package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// refusedStart starts a service on a data directory, which has to be refused, and returns what it wrote.
func refusedStart(t *testing.T, dir string, variables ...string) string {
	t.Helper()
	s := launch(t, append([]string{"CLIENTS_DATA_DIR=" + dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0"}, variables...)...)
	require.Equal(t, 1, s.exitCode(t), &s.stderr)
	require.Empty(t, s.stdout.String(), "it is never ready")
	return s.stderr.String()
}

// copyOf returns a copy of a folder.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func TestAStartRefusesADataDirectoryInUse(t *testing.T) {
	t.Parallel()
	first := start(t)
	id := first.create("SuprCorp")
	refusal := refusedStart(t, first.dataDir)
	require.Contains(t, refusal, "in use by another process")
	require.Contains(t, refusal, first.dataDir)
	verified := run(t, nil, "verify", "--data-dir", first.dataDir)
	require.Equal(t, 1, verified.code)
	require.Contains(t, verified.stderr, "hint: to check the store of a service that runs use CLIENTS_DATA_DIR="+first.dataDir+" instead of --data-dir")
	require.Equal(t, "SuprCorp", first.get(id).Name)
	first.create("The first continues")
	first.kill() // leaves no lock behind
	require.Len(t, first.restart(t).list(""), 2)
}

// A store that went backwards has lost acknowledged writes.
func TestAStartRefusesAStoreThatWentBackwards(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("In the backup")
	require.Zero(t, s.stop(t))
	nats := filepath.Join(s.dataDir, "nats")
	backup := copyOf(t, nats)
	s = s.restart(t)
	s.create("Behind the backup")
	require.Zero(t, s.stop(t))
	require.NoError(t, os.RemoveAll(nats))
	require.NoError(t, os.CopyFS(nats, os.DirFS(backup)))
	refusal := refusedStart(t, s.dataDir)
	require.Contains(t, refusal, "it reached sequence 2 and now ends at 1")
	require.Contains(t, refusal, "hint: restore a backup with clients restore", "what helps")
	require.NoError(t, os.RemoveAll(nats))
	require.Contains(t, refusedStart(t, s.dataDir), "it reached sequence 2 and now ends at 0")
}

// A limit of the stream ends the next start. It can be removed at a NATS server with the store of the service, as the runbook says.
func TestTheStreamsOfAStoppedServiceCanBeCorrected(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	require.Zero(t, s.stop(t))
	limit := func(messages int64) {
		writeStore(t, s.dataDir, func(js jetstream.JetStream) {
			stream, err := js.Stream(t.Context(), "CLIENTS")
			require.NoError(t, err)
			config := stream.CachedInfo().Config
			config.MaxMsgs = messages
			_, err = js.UpdateStream(t.Context(), config)
			require.NoError(t, err)
		})
	}
	limit(100)
	require.Contains(t, refusedStart(t, s.dataDir), "stream CLIENTS is configured differently and is left as it is: max_msgs: have 100, need 0")
	limit(-1)
	require.Len(t, s.restart(t).list(""), 1)
}

// The server silently drops a message with a flipped bit. After a refused start, a second one is refused as well.
func TestAStartRefusesAStoreWithAFlippedBit(t *testing.T) {
	t.Parallel()
	s := start(t)
	createThree(t, s)
	require.Zero(t, s.stop(t))
	for damaged, starts := range map[string]int{"First Ltd": 2, "Second Ltd": 1, `"details":"x"`: 1} {
		dir := copyOf(t, s.dataDir)
		for _, block := range blocks(t, filepath.Join(dir, "nats")) {
			flip(t, block, damaged)
		}
		for range starts {
			require.Regexp(t, `corrupt|damaged`, refusedStart(t, dir), damaged)
		}
	}
}

// A stream that an administrator reconfigured may remove events or refuse them.
func TestAStartRefusesAStreamThatIsConfiguredDifferently(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	changed := stream.CachedInfo().Config
	changed.MaxAge = time.Hour
	_, err = js.UpdateStream(t.Context(), changed)
	require.NoError(t, err)
	s.stop(t)
	refusal := refusedStart(t, s.dataDir)
	require.Contains(t, refusal, "CLIENTS")
	require.Contains(t, refusal, "max_age")
}
