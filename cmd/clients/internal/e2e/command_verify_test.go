package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// verified is the output of clients verify --json --strays.
type verified struct {
	code    int
	stderr  string
	faults  []fault
	foreign []uint64
	summary struct {
		First, Last, Messages, Faults, Strays, Facts uint64
		Accounts, Clients, Deleted, Snapshots        int
		Types                                        map[string]int
	}
	complete bool // there is a summary
}

// fault is a range of sequences that verify reports.
type fault struct {
	Sequence, Last uint64
	Kind, Detail   string
}

func verify(t *testing.T, variables []string, flags ...string) (v verified) {
	t.Helper()
	r := run(t, variables, append([]string{"verify", "--json", "--strays"}, flags...)...)
	v.code, v.stderr = r.code, r.stderr
	for line := range strings.Lines(r.stdout) {
		var object struct {
			Fault   *fault
			Stray   *struct{ Sequence uint64 }
			Summary any
		}
		object.Summary = &v.summary
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		switch {
		case object.Fault != nil:
			v.faults = append(v.faults, *object.Fault)
		case object.Stray != nil:
			v.foreign = append(v.foreign, object.Stray.Sequence)
		default:
			v.complete = v.complete || strings.Contains(line, `"summary"`)
		}
	}
	return v
}

// requireFaults requires exactly these faults in this order, with the given kinds and parts of the details.
func (v verified) requireFaults(t *testing.T, want ...fault) {
	t.Helper()
	require.Len(t, v.faults, len(want), "%+v %s", v.faults, v.stderr)
	for i, found := range v.faults {
		require.Equal(t, []uint64{want[i].Sequence, want[i].Last}, []uint64{found.Sequence, found.Last}, "%+v", found)
		require.Contains(t, found.Kind, want[i].Kind)
		require.Contains(t, found.Detail, want[i].Detail)
	}
	require.True(t, v.complete)
	require.EqualValues(t, len(want), v.summary.Faults)
	require.Equal(t, min(len(want), 1), v.code, v.stderr)
}

// Verify finds no fault in the store of a service: while it runs, after it has stopped, and in a copy.
func TestVerifyFindsNoFaultInWhatTheServiceStores(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id, gone := s.create("SuprCorp"), s.create("Gone")
	s.update(id, "<details>x</details>")
	project(t, js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, id))
	invoice(t, js, "InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id))
	s.references(id)
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	foreign := publish(t, js, message("clients.default.99", "hello"))
	eventually(t, func() bool { return s.get(id).LastInvoiceKind != nil }, "the invoice sets the client's defaults")
	running := verify(t, s.variables)
	running.requireFaults(t)
	require.Equal(t, []uint64{foreign}, running.foreign)
	sum := running.summary
	require.Equal(t, []int{1, 1, 1, 2}, []int{sum.Accounts, sum.Clients, sum.Deleted, sum.Types["clients.v1.ClientCreated"]})
	require.Equal(t, []uint64{2, 1, sum.Messages, 1}, []uint64{sum.Facts, sum.First, sum.Last, sum.Strays})

	inUse := run(t, nil, "verify", "--data-dir", s.dataDir)
	require.Equal(t, 1, inUse.code)
	require.Contains(t, inUse.stderr, "in use")
	require.Zero(t, s.stop(t))
	copied := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(copied, os.DirFS(s.dataDir)))
	for _, file := range []string{"high-water", "lock"} { // verify does not make them
		require.NoError(t, os.Remove(filepath.Join(copied, file)))
	}
	for _, dir := range []string{s.dataDir, copied} {
		before := contents(t, dir)
		stopped := verify(t, nil, "--data-dir", dir)
		stopped.requireFaults(t)
		require.Equal(t, 1, stopped.summary.Snapshots, "the one that was saved at the end")
		require.Equal(t, sum.Last, stopped.summary.Last)
		require.Equal(t, before, contents(t, dir), "nothing is written")
	}
	text := run(t, nil, "verify", "--data-dir", s.dataDir, "--strays")
	require.Zero(t, text.code)
	require.Regexp(t, fmt.Sprintf(`(?m)^sequence %d: .*clients\.default\.99`, foreign), text.stdout)
	require.Regexp(t, `(?m)^faults +0$`, text.stdout)
	temporary := t.TempDir()
	closed := runAs(t, []string{"TMPDIR=" + temporary}, closedOutput(t), "verify", "--data-dir", s.dataDir)
	require.Equal(t, 1, closed.code)
	require.Contains(t, closed.stderr, "broken pipe")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
	s.restart(t)
}

// contents returns the content of each file in a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			all[path] = ""
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}))
	return all
}

// Snapshots, ids and events are stored while verify reads.
func TestVerifyFindsNoFaultWhileClientsAreWritten(t *testing.T) {
	t.Parallel()
	s := startReplicas(t, 1, natstest.Run(t, 3).URL())[0]
	ended, quit := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			default:
				_, _ = s.send(http.MethodPost, "/clients", `{"client":{"name":"SuprCorp"}}`, asJSON)
			}
		}
	}()
	for last := uint64(0); last < 200; {
		found := verify(t, s.variables)
		found.requireFaults(t)
		last = found.summary.Last
	}
	close(quit)
	<-ended
}

// Verify does not change a damaged store, and the service does not start on it.
func TestVerifyReportsADamagedStore(t *testing.T) {
	t.Parallel()
	s := start(t)
	const clients = 100
	for range clients {
		s.create("SuprCorp")
	}
	require.Zero(t, s.stop(t))
	stream := func(dir string) string { return filepath.Join(dir, "nats/jetstream/$G/streams/CLIENTS") }
	block := func(dir string) string { return filepath.Join(stream(dir), "msgs/1.blk") }
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		first  uint64 // sequence that is reported
		starts bool   // the event is older than the snapshot: a scrub finds it
	}{
		"a flipped bit":                   {func(t *testing.T, dir string) { flipRecord(t, block(dir), 54) }, 54, false},
		"a flipped bit of the last event": {func(t *testing.T, dir string) { flipRecord(t, block(dir), clients) }, clients, false},
		"an altered event": {func(t *testing.T, dir string) {
			alterEvent(t, block(dir), 77, func(e *storedEvent) { e.replace("SuprCorp", "SuprCarp") })
		}, 77, true},
		"the tail is cut": {func(t *testing.T, dir string) {
			info, err := os.Stat(block(dir))
			require.NoError(t, err)
			require.NoError(t, os.Truncate(block(dir), info.Size()*9/10))
		}, 0, false},
		"the stream is removed":       {func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(stream(dir))) }, 0, false},
		"the high-water mark is text": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "high-water"), "hello") }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.CopyFS(dir, os.DirFS(s.dataDir)))
			c.damage(t, dir)
			before := contents(t, dir)
			found := run(t, nil, "verify", "--data-dir", dir)
			require.Equal(t, 1, found.code, found.stdout+found.stderr)
			if c.first > 0 {
				require.Contains(t, found.stdout+found.stderr, fmt.Sprintf("sequence %d", c.first))
			}
			require.Equal(t, before, contents(t, dir), "nothing is written")
			if c.starts {
				return
			}
			refused := launch(t, append(s.variables, "CLIENTS_DATA_DIR="+dir)...)
			require.Equal(t, 1, refused.exitCode(t))
			require.NotEmpty(t, refused.stderr.String())
		})
	}
}

// flipRecord flips a bit of the nth record of a file of the NATS server.
func flipRecord(t *testing.T, path string, n int) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	rest := content
	for range n - 1 {
		rest = rest[recordLength(rest):]
	}
	rest[recordLength(rest)-9] ^= 1 // the last byte before the hash
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}
