package main

import (
	little "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// stoppedStore is the data directory of a service that has stored so many clients, and one of them under a key.
func stoppedStore(t *testing.T, clients int) (dir string) {
	t.Helper()
	a := launch(t)
	for range clients - 1 {
		a.named("SuprCorp")
	}
	a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: once")
	dir = a.settings.dataDir
	a.quit()
	return dir
}

func blockOf(dir, stream string) string {
	return filepath.Join(dir, "nats/jetstream/$G/streams", stream, "msgs/1.blk")
}

// spoil flips the last bit before the checksum of a message.
func spoil(t *testing.T, file string, message int) (offset int64) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	size := func() int64 { return int64(little.LittleEndian.Uint32(content[offset:]) &^ (1 << 31)) }
	for range message - 1 {
		offset += size()
	}
	content[offset+size()-9] ^= 1
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return offset
}

// These are the stores that the service does not start on.
func TestVerifyTellsAllThatIsWrongWithADamagedStore(t *testing.T) {
	t.Parallel()
	const clients = 250
	sound := stoppedStore(t, clients)
	found := verify(t, "--data-dir", sound)
	found.requireFaults(t)
	require.EqualValues(t, clients, found.summary.Last)
	at := func(sequence uint64, kind, detail string) verifiedFault {
		return verifiedFault{sequence, sequence, kind, detail}
	}
	for name, damage := range map[string]func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace){
		"bits of two messages": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			file := blockOf(dir, "CLIENTS")
			first, second := spoil(t, file, 54), spoil(t, file, 204)
			return []verifiedFault{
				at(54, "damaged", "the checksum of a message is wrong"), at(204, "damaged", "the checksum of a message is wrong"),
				at(clients, "snapshot", "the faults before it may be why"),
			}, []verifiedPlace{{"", file, first}, {"", file, second}, {}}
		},
		"a bit of a key": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			file := blockOf(dir, "KV_CLIENTS_KEYS")
			spoil(t, file, 1)
			return []verifiedFault{at(1, "damaged", "checksum")}, []verifiedPlace{{"KV_CLIENTS_KEYS", file, 0}}
		},
		"a tail that is cut": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			file := blockOf(dir, "CLIENTS")
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(file, info.Size()*9/10))
			return []verifiedFault{at(226, "damaged", "cut short"), {227, clients, "missing", "had reached 250"}, at(clients, "snapshot", "missing")}, nil
		},
		"no stream of events": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			require.NoError(t, os.RemoveAll(filepath.Dir(filepath.Dir(blockOf(dir, "CLIENTS")))))
			return []verifiedFault{
				{0, 0, "damaged", "the stream is gone"}, {1, clients, "missing", "the high-water mark tells"}, at(clients, "snapshot", "missing"),
			}, nil
		},
		"a bad high-water mark": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			file := filepath.Join(dir, "high-water")
			require.NoError(t, os.WriteFile(file, []byte("hello"), 0o600))
			return []verifiedFault{{0, 0, "damaged", "the high-water mark is damaged"}}, []verifiedPlace{{"", file, 0}}
		},
		"several": func(t *testing.T, dir string) ([]verifiedFault, []verifiedPlace) {
			require.NoError(t, os.Remove(filepath.Join(dir, "high-water")))
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(blockOf(dir, "CLIENTS_IDS"))), "meta.inf"), nil, 0o600))
			spoil(t, blockOf(dir, "OBJ_CLIENTS_SNAPSHOTS"), 1)
			spoil(t, blockOf(dir, "CLIENTS"), clients)
			return []verifiedFault{
				{0, 0, "damaged", "configuration"}, at(1, "damaged", "checksum"), at(clients, "damaged", "checksum"), at(clients, "snapshot", "the snapshot is not what was saved"),
			}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(sound)))
			want, places := damage(t, dir)
			before := filesOf(t, dir)
			found := verify(t, "--data-dir", dir)
			found.requireFaults(t, want...)
			if places != nil {
				require.Equal(t, places, found.places)
			}
			code, out, stderr := runInProcess(t, "verify", "--data-dir", dir)
			require.Equal(t, 1, code)
			require.Equal(t, "error: verify: "+domain.Counted(len(want), "fault")+"\n", stderr)
			for _, fault := range want {
				require.Regexp(t, fmt.Sprintf("(?m)^.*%s: ", fault.Kind), out)
				if fault.Sequence > 0 {
					require.Regexp(t, fmt.Sprintf("(?m)^.*sequences? %d\\b.*: %s: ", fault.Sequence, fault.Kind), out)
				}
			}
			require.Regexp(t, fmt.Sprintf("(?m)^faults +%d$", len(want)), out)
			require.Equal(t, before, filesOf(t, dir))
			code, _, stderr = serveInProcess(t, dir)
			require.Equal(t, 1, code, stderr)
			require.Equal(t, before, filesOf(t, dir))
		})
	}
}

// A store without a mark, or without a lock, is left so.
func TestVerifyMakesNothingInAStore(t *testing.T) {
	t.Parallel()
	dir := stoppedStore(t, 3)
	require.NoError(t, os.Remove(filepath.Join(dir, "high-water")))
	require.NoError(t, os.Remove(filepath.Join(dir, "lock")))
	before := filesOf(t, dir)
	verify(t, "--data-dir", dir).requireFaults(t)
	require.Equal(t, before, filesOf(t, dir))
}

// filesOf are the contents of all files in a folder.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
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
