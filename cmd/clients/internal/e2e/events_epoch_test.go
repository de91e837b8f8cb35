package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jsm.go"
	"github.com/stretchr/testify/require"
)

// epoch returns the epoch that responses name.
func (s *service) epoch() string {
	return s.want(http.StatusOK, http.MethodGet, "/clients", "").header.Get("Stream-Epoch")
}

// printedEpoch runs the subcommand epoch.
func (s *service) printedEpoch(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, s.variables, append([]string{"epoch"}, args...)...)
	require.Zero(t, r.code, r.stderr)
	return strings.TrimSpace(r.stdout)
}

// Without metadata the epoch is the time at which the stream was created.
func TestTheEpochOfAStreamIsItsCreationUntilAnotherBegins(t *testing.T) {
	t.Parallel()
	s := start(t)
	stream, err := s.partner(t).Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	created := stream.CachedInfo().Created.UTC().Format(time.RFC3339Nano)
	require.Equal(t, created, s.epoch())
	require.Equal(t, created, s.printedEpoch(t))
	require.Equal(t, 1, runAs(t, s.variables, closedOutput(t), "epoch").code)
	id := s.create("SuprCorp")

	begun := s.printedEpoch(t, "--new")
	require.NotEqual(t, created, begun)
	require.Equal(t, begun, s.epoch(), "the running service")
	require.Equal(t, begun, s.printedEpoch(t))
	s.want(http.StatusOK, http.MethodPost, path(id)+"/toggle", "")
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Equal(t, begun, s.epoch())
	verify(t, s.variables).requireFaults(t)
	info, err := s.partner(t).Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.Equal(t, begun, info.CachedInfo().Config.Metadata["epoch"], "a subscriber sees it as well")
}

// A restore begins a new epoch.
func TestARestoreBeginsAnEpoch(t *testing.T) {
	t.Parallel()
	s, _ := startUsed(t)
	folder, before := backup(t, s), s.epoch()
	for name, restore := range destinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := restore(t, folder)
			after := r.epoch()
			require.NotEqual(t, before, after)
			require.Equal(t, after, r.printedEpoch(t))
			again := backup(t, r)
			require.NotEqual(t, after, destinations["data directory"](t, again).epoch(), "and another one the next time")
		})
	}
}

// A store that was restored by other means has the former epoch until the operator sets a new one.
func TestARestoredStoreGetsAnEpochByCommand(t *testing.T) {
	t.Parallel()
	for name, putBack := range map[string]func(t *testing.T, s *service) *service{
		"a copy of the data directory": func(t *testing.T, s *service) *service {
			require.Zero(t, s.stop(t))
			to := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.CopyFS(to, os.DirFS(s.dataDir)))
			require.NoError(t, exec.Command("chmod", "-R", "u=rwX,go=", to).Run())
			return startIn(t, to)
		},
		"nats stream restore": func(t *testing.T, s *service) *service {
			manager := managerOf(t, s)
			stream, err := manager.LoadStream("CLIENTS")
			require.NoError(t, err)
			folder := t.TempDir()
			_, err = stream.SnapshotToDirectory(t.Context(), folder)
			require.NoError(t, err)
			s.kill()
			s = s.restart(t)
			manager = managerOf(t, s)
			require.NoError(t, manager.DeleteStream("CLIENTS"))
			_, _, err = manager.RestoreSnapshotFromDirectory(t.Context(), "CLIENTS", folder)
			require.NoError(t, err)
			s.kill()
			return s.restart(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.create("SuprCorp")
			before := s.printedEpoch(t, "--new") // a stream that is put back keeps its metadata
			s = putBack(t, s)
			require.Equal(t, before, s.epoch())
			begun := s.printedEpoch(t, "--new")
			require.NotEqual(t, before, begun)
			require.Equal(t, begun, s.epoch())
		})
	}
}

func managerOf(t *testing.T, s *service) *jsm.Manager {
	t.Helper()
	manager, err := jsm.New(s.administrator(t).Conn())
	require.NoError(t, err)
	return manager
}

// Responses have the sequence up to which they reflect the stream.
func TestResponsesHaveTheirPositionInTheStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	for _, p := range []string{"/clients", "/clients.json", "/clients?updated_since=2010-09-25", path(id), path(id) + ".json"} {
		s.create("Another")
		last := json.Number(s.want(http.StatusOK, http.MethodGet, p, "").header.Get("Stream-Sequence"))
		n, err := last.Int64()
		require.NoError(t, err, p)
		require.EqualValues(t, lastSequence(t, s.partner(t)), n, p)
		r := s.want(http.StatusOK, http.MethodHead, p, "")
		require.Equal(t, last.String(), r.header.Get("Stream-Sequence"), p)
		r = s.want(http.StatusNotModified, http.MethodGet, p, "", "If-None-Match: "+r.tag())
		require.Equal(t, last.String(), r.header.Get("Stream-Sequence"), p)
		require.NotEmpty(t, r.header.Get("Stream-Epoch"))
	}
	for _, p := range []string{path(id) + "?version=1", path(id) + "?as_of=2999-01-01", path(id) + "/history", path(id + 100)} {
		r := s.do(http.MethodGet, p, "")
		require.Empty(t, r.header.Get("Stream-Sequence"), p)
		require.Empty(t, r.header.Get("Stream-Epoch"), p)
	}
}
