package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// createWith creates a client with texts in each attribute, changes it, and has a dead letter that names it.
func (s *service) createWith(of *texts, number int64) (id int64) {
	s.t.Helper()
	id = s.createOnce(of.next())
	s.settle(http.StatusOK, http.MethodPut, path(id), fmt.Sprintf("<client><details>%s</details><currency>%s</currency></client>", of.next(), of.next()), asXML)
	js := s.administrator(s.t)
	publish(s.t, js, &nats.Msg{Subject: fmt.Sprintf("projects.default.%d", number), Data: fmt.Appendf(nil, `{"client_id":%d,"note":%q}`, id, of.next())})
	eventually(s.t, func() bool { return len(s.deadLetters()) > 0 }, "the message is a dead letter")
	return id
}

func (s *service) erase(id int64, args ...string) result {
	s.t.Helper()
	return run(s.t, s.variables, append([]string{"erase", strconv.FormatInt(id, 10), "--account", "default"}, args...)...)
}

// requireErased requires that the API shows nothing of a client but its erasure.
func (s *service) requireErased(id int64) {
	s.t.Helper()
	s.settle(http.StatusNotFound, http.MethodGet, path(id), "")
	history := s.settle(http.StatusOK, http.MethodGet, path(id)+"/history", "", "Accept: application/json").body
	require.Equal(s.t, 1, strings.Count(history, `"version"`), history)
	require.Contains(s.t, history, "ClientErased")
}

func TestAnErasureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	var erased, kept texts
	s := start(t)
	id, other := s.createWith(&erased, 1), s.create(kept.next())
	for range 3 { // snapshots, of which the first one is removed
		s.update(id, "<details>"+erased.next()+"</details>")
		require.Zero(t, s.stop(t))
		s = s.restart(t)
	}
	found := erased.find(t, s.dataDir)
	require.NotEmpty(t, in("CLIENTS", found))
	require.NotEmpty(t, in("CLIENTS_QUARANTINE", found))
	require.Contains(t, strings.Join(in("OBJ_CLIENTS_SNAPSHOTS", found), " "), "text 4", "in the snapshot that was removed: %v", found)
	before := backup(t, s)
	require.NotEmpty(t, erased.find(t, before))

	list := filepath.Join(t.TempDir(), "erased")
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "")
	require.Equal(t, 1, s.erase(id, "--log", empty).code)
	require.FileExists(t, empty, "it was there before")
	refused := s.erase(id, "--log", list)
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.stderr, "exists: delete it first")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	r := s.erase(id, "--log", filepath.Join(t.TempDir(), "none", "erased"))
	require.Equal(t, 1, r.code)
	require.NotContains(t, s.want(http.StatusOK, http.MethodGet, path(id)+"/history", "", "Accept: application/json").body, "ClientErased")
	require.Zero(t, s.erase(id).code)
	r = s.erase(id, "--log", list)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "which is in the list "+list, "although it was erased before")
	require.Empty(t, erased.find(t, s.dataDir))
	require.NotEmpty(t, kept.find(t, s.dataDir))
	s.requireErased(id)
	left := events(t, s.administrator(t), fmt.Sprintf("clients.default.%d", id))
	require.Len(t, left, 1)
	readAsyncAPI(t, s.operations).validEvent(left[0])
	s.update(other, "<details>"+kept.next()+"</details>")
	verify(t, s.variables).requireFaults(t)
	require.Empty(t, erased.find(t, backup(t, s)))

	want := s.list("")
	for range 2 { // with a snapshot, and without
		require.Zero(t, s.stop(t))
		require.Empty(t, erased.find(t, s.dataDir))
		verify(t, nil, "--data-dir", s.dataDir).requireFaults(t)
		s = s.restart(t)
		require.Equal(t, want, s.list(""))
		s.requireErased(id)
		require.NoError(t, s.administrator(t).DeleteStream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS"))
	}
	require.Greater(t, s.createOnce("New"), id)

	dir := filepath.Join(t.TempDir(), "data")
	r = run(t, nil, "restore", before, "--data-dir", dir, "--erasures", list)
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, erased.find(t, dir))
	older := startIn(t, dir)
	older.requireErased(id)
	require.Equal(t, kept[0], older.get(other).Name)
	verify(t, older.variables).requireFaults(t)
}

// createDeleted creates a client with texts in many large events, and deletes it.
func (s *service) createDeleted(of *texts) (id int64) {
	s.t.Helper()
	id = s.create(of.next())
	for range 30 {
		s.update(id, "<details>"+of.next()+strings.Repeat("x", 50_000)+"</details>")
	}
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	return id
}

// beginErasure returns the command when the erasure has begun.
func (s *service) beginErasure(id int64) *exec.Cmd {
	s.t.Helper()
	js := s.administrator(s.t)
	last := lastSequence(s.t, js)
	command := exec.Command(binary, "erase", strconv.FormatInt(id, 10), "--account", "default")
	command.Env, command.Stderr = environment(s.t.TempDir(), s.variables), new(bytes.Buffer)
	require.NoError(s.t, command.Start())
	require.Eventually(s.t, func() bool { return lastSequence(s.t, js) > last }, timeout, 2*time.Millisecond) // it is soon over
	return command
}

// A kill in the middle of an erasure leaves texts in the files. The next start completes it, and shows that.
func TestAStartCompletesAnErasureThatWasKilled(t *testing.T) {
	t.Parallel()
	var kept texts
	dir := filepath.Join(t.TempDir(), "data")
	s := startIn(t, dir)
	s.create(kept.next())
	for round, interrupted := 0, 0; interrupted < 2; round++ {
		require.Less(t, round, 60)
		var erased texts
		id := s.createDeleted(&erased)
		js := s.administrator(t)
		intended := streamState(t, js).Msgs + 2 // a ClientErased and its Removal
		command := s.beginErasure(id)
		removed := uint64(1 + round%20)
		require.Eventually(t, func() bool { return streamState(t, js).Msgs <= intended-removed }, timeout, time.Millisecond)
		s.kill()
		killed := time.Now()
		if command.Wait() != nil {
			require.Contains(t, fmt.Sprint(command.Stderr), "run this again: it opens the store of a stopped service")
			require.Less(t, time.Since(killed), 10*time.Second)
		}
		texts := map[string]bool{}
		for _, place := range erased.find(t, dir) {
			_, text, _ := strings.Cut(place, ": text ")
			texts[text] = true
		}
		left := len(texts)
		if left > 0 && left < len(erased) {
			interrupted++
		}
		s = launchUnready(t, append(s.variables, "CLIENTS_LOG_LEVEL=info")...)
		s.awaitReady(t)
		require.True(t, left == 0 || s.stderr.contains(fmt.Sprintf("overwriting client %d of account default", id)))
		require.InDelta(t, 0, s.metric("clients_erasures_unfinished"), 0)
		require.Empty(t, erased.find(t, dir), "round %d, %d texts were left", round, left)
		s.requireErased(id)
	}
	verify(t, s.variables).requireFaults(t)
	require.NotEmpty(t, kept.find(t, dir))
	leftovers, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "$G", "streams", "*", "msgs", "*.tmp"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

// A stopped store is opened by the command.
func TestAnErasureOfAStoppedStore(t *testing.T) {
	t.Parallel()
	var erased texts
	s := start(t)
	id := s.createWith(&erased, 1)
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	require.Zero(t, s.stop(t))
	require.NotEmpty(t, erased.find(t, s.dataDir))
	require.NotEmpty(t, erased.find(t, backup(t, s)))
	r := s.erase(id)
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, erased.find(t, s.dataDir))
	s = s.restart(t)
	s.requireErased(id)
	unknown := s.erase(id + 1)
	require.Equal(t, 1, unknown.code)
	require.Contains(t, unknown.stderr, "never existed")
	require.Equal(t, 2, run(t, s.variables, "erase", "0", "--account", "A").code)
	_, err := os.Stat(s.dataDir)
	require.NoError(t, err)
}

func TestAnErasureReadsANumberInBase10(t *testing.T) {
	t.Parallel()
	var eight, ten texts
	s := start(t)
	for id := range int64(10) {
		require.Equal(t, id+1, s.create(fmt.Sprintf("Client %d", id+1)))
	}
	s.update(8, "<details>"+eight.next()+"</details>")
	s.update(10, "<details>"+ten.next()+"</details>")
	s.want(http.StatusOK, http.MethodDelete, path(8), "")
	s.want(http.StatusOK, http.MethodDelete, path(10), "")
	r := run(t, s.variables, "erase", "010", "--account", "default")
	require.Zero(t, r.code, r.stderr)
	s.requireErased(10)
	require.Zero(t, s.stop(t))
	require.Empty(t, ten.find(t, s.dataDir))
	require.NotEmpty(t, eight.find(t, s.dataDir), "010 is not 8 in base 8")
}

// A stream that an earlier release has created forbids deletions. A backup that is restored does not.
func TestAnErasureOfAnEarlierStreamNeedsAMigration(t *testing.T) {
	t.Parallel()
	s := startExternal(t)
	js := s.administrator(t)
	require.Zero(t, s.stop(t))
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.DenyDelete = true
	for _, name := range []string{"CLIENTS", "CLIENTS_IDS", "OBJ_CLIENTS_SNAPSHOTS"} {
		require.NoError(t, js.DeleteStream(t.Context(), name))
	}
	_, err = js.CreateStream(t.Context(), config)
	require.NoError(t, err)

	s = s.again(t)
	var erased texts
	id := s.createWith(&erased, 1)
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	for _, r := range []result{s.erase(id), s.skip(1)} {
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "deny_delete")
		require.Contains(t, r.stderr, "hint: copy the store to a new one: clients backup FOLDER")
	}
	dir := filepath.Join(t.TempDir(), "data")
	r := run(t, nil, "restore", backup(t, s), "--data-dir", dir)
	require.Zero(t, r.code, r.stderr)
	moved := startIn(t, dir)
	r = moved.erase(id)
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, erased.find(t, dir))
}
