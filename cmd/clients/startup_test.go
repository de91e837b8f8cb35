package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStartupRefusesADataDirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := spawn(t, dir)
	id := first.named("SuprCorp")
	second := execute(t, nil, "CLIENTS_DATA_DIR="+dir, "CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0",
		"CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0")
	require.Equal(t, 1, second.exitCode(t))
	message := lines(second.stderr.String())
	require.Contains(t, message[len(message)-1], "in use by another process")
	require.Contains(t, message[len(message)-1], dir)
	require.Empty(t, second.stdout.String(), "it never says that it is ready")
	require.Equal(t, "SuprCorp", first.get(id).Name)
	first.named("The first goes on")

	first.kill() // leaves no lock behind
	require.Len(t, spawn(t, dir).list(""), 2)
}

func TestStartupRefusesAPortInUse(t *testing.T) {
	t.Parallel()
	for flag, variable := range map[string]string{
		"--http-addr": "CLIENTS_HTTP_ADDR", "--ops-addr": "CLIENTS_OPS_ADDR", "--embedded-nats-addr": "CLIENTS_EMBEDDED_NATS_ADDR",
	} {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		dir := filepath.Join(t.TempDir(), "data")
		code, stdout, stderr := serveInProcess(t, dir, flag, taken.Addr().String())
		require.Equal(t, 1, code, flag)
		message := lines(stderr)
		require.Contains(t, message[len(message)-1], variable, "it names the setting")
		require.Contains(t, message[len(message)-1], taken.Addr().String())
		require.Contains(t, message[len(message)-1], "address already in use")
		require.Empty(t, stdout)
		require.NoDirExists(t, dir, "nothing is touched")
	}
}

func TestStartupRefusesADataDirectoryThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	for dir, want := range map[string]int{file: exitUsage, filepath.Join(file, "data"): exitError} {
		code, stdout, stderr := serveInProcess(t, dir)
		require.Equal(t, want, code, dir)
		require.Contains(t, stderr, file)
		require.Empty(t, stdout)
	}
}

// Guarantee 7: a store that went backwards has lost answered writes.
func TestStartupRefusesAStoreThatWentBackwards(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("In the backup")
	settings := a.settings
	dir := settings.dataDir
	a.quit()
	backup := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, os.CopyFS(backup, os.DirFS(filepath.Join(dir, "nats"))))
	a = launchWith(t, settings)
	a.named("Behind the backup")
	a.quit()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "nats")))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "nats"), os.DirFS(backup)))
	code, stdout, stderr := serveInProcess(t, dir)
	require.Equal(t, 1, code, stderr)
	require.Contains(t, stderr, "it had reached 2 and now ends at 1")
	require.Empty(t, stdout)

	require.NoError(t, os.RemoveAll(filepath.Join(dir, "nats"))) // the whole store is gone
	code, _, stderr = serveInProcess(t, dir)
	require.Equal(t, 1, code, stderr)
	require.Contains(t, stderr, "it had reached 2 and now ends at 0")
}

// Guarantee 7: what the disk gives back is not what was written. The server drops such a message without a word.
func TestStartupRefusesAStoreWithAFlippedBit(t *testing.T) {
	t.Parallel()
	requireDamageNoticed(t, "First", 2) // the first refusal does not make the second start a success
	requireDamageNoticed(t, "Second", 2)
}

func TestStartupRefusesAStoreWithAFlippedBitAtItsEnd(t *testing.T) {
	t.Parallel()
	requireDamageNoticed(t, "Third", 1)
}

func requireDamageNoticed(t *testing.T, damaged string, starts int) {
	t.Helper()
	a := launch(t)
	for _, name := range []string{"First", "Second", "Third"} {
		a.named(name)
	}
	dir := a.settings.dataDir
	a.quit()
	require.NotEmpty(t, flipBit(t, filepath.Join(dir, "nats"), damaged))
	for range starts {
		code, stdout, stderr := serveInProcess(t, dir)
		require.Equal(t, 1, code, stderr)
		require.Empty(t, stdout)
		require.Regexp(t, `corrupt|damaged`, lines(stderr)[len(lines(stderr))-1])
	}
}

// A stream that an admin has changed may forget events, or refuse them.
func TestStartupRefusesAStreamThatIsConfiguredDifferently(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("SuprCorp")
	tap, ctx := a.tap(), context.Background()
	stream, err := tap.js.Stream(ctx, "CLIENTS")
	require.NoError(t, err)
	changed := stream.CachedInfo().Config
	changed.MaxAge = time.Hour
	_, err = tap.js.UpdateStream(ctx, changed)
	require.NoError(t, err)
	dir := a.settings.dataDir
	a.quit()
	code, stdout, stderr := serveInProcess(t, dir)
	require.Equal(t, 1, code, stderr)
	require.Contains(t, stderr, "CLIENTS")
	require.Contains(t, stderr, "max age")
	require.Empty(t, stdout)
}

// flipBit changes the first byte of the first text that it finds in the files below dir, and answers in which.
func flipBit(t *testing.T, dir, text string) (changed string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || changed != "" || !strings.HasSuffix(name, ".blk") || !strings.Contains(name, "/CLIENTS/") {
			return err
		}
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		if at := strings.Index(string(content), text); at >= 0 {
			content[at] ^= 1
			require.NoError(t, os.WriteFile(name, content, 0o600))
			changed = name
		}
		return nil
	}))
	return changed
}

func TestStartupAnswersRequestsAsSoonAsItIsReady(t *testing.T) {
	t.Parallel()
	p := spawn(t, filepath.Join(t.TempDir(), "data"))
	require.Equal(t, http.StatusOK, p.at(p.opsURL).do("GET", "/readyz", "").status)
	require.Empty(t, p.list(""))
	greeting := p.stdout.String()
	require.Contains(t, greeting, p.base+"/clients")
	_, address, _ := strings.Cut(p.natsURL, "@")
	require.Contains(t, greeting, address)
	require.Contains(t, greeting, "curl")
	require.Zero(t, newTap(t, p.natsURL).lastSequence())
}
