package eventstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The store under test has an older block and a newest one; message begun came after its server was stopped once.

const (
	written = 110
	begun   = 101
)

// serve lets act use the store in dir. It answers a copy as a kill -9 would leave the store behind act; dir itself is

// then stopped as it should be.

func serve(t testing.TB, dir string, act func(*Store)) (killed string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e, err := StartEmbedded(EmbeddedConfig{Dir: dir, Addr: "127.0.0.1:0", Log: log})
	require.NoError(t, err)
	defer e.Shutdown()
	nc, err := e.Connect()
	require.NoError(t, err)
	defer nc.Close()
	s, err := Open(deadline(t), nc, Config{Replicas: 1, Log: log})
	require.NoError(t, err)
	defer s.Close()
	act(s)
	killed = copied(t, dir)
	require.Eventually(t, func() bool { return !removing(t, dir) }, 10*time.Second, time.Millisecond)
	return killed
}

// removing tells whether the server has not yet removed what it does away with at leisure.

func removing(t testing.TB, dir string) bool {
	t.Helper()
	purged, err := filepath.Glob(filepath.Join(streamDir(dir, "*"), "__msgs__"))
	require.NoError(t, err)
	deleted, err := filepath.Glob(streamDir(dir, ".*"))
	require.NoError(t, err)
	return len(purged)+len(deleted) > 0
}

// copied is a copy of dir, without what a server removes meanwhile.

func copied(t testing.TB, dir string) string {
	t.Helper()
	other := t.TempDir()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err == nil && entry.IsDir() {
			err = os.MkdirAll(filepath.Join(other, name), 0o700)
		} else if err == nil {
			err = copyFile(path, filepath.Join(other, name))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}))
	return other
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// writtenStore holds events, one of them purged, among large messages of three other kinds.

func writtenStore(t testing.TB) (stopped, killed string) {
	t.Helper()
	stopped = t.TempDir()
	serve(t, stopped, func(s *Store) {
		write(t, s, 1, begun-1)
		purge(t, s, jetstream.WithPurgeSubject("clients.test.30"))
	})
	killed = serve(t, stopped, func(s *Store) { write(t, s, begun, written) })
	return stopped, killed
}

func write(t testing.TB, s *Store, first, last int) {
	t.Helper()
	body := bytes.Repeat([]byte("0123456789"), 10_000)
	for i := first; i <= last; i++ {
		if i%10 == 0 {
			_, err := s.Append(deadline(t), created(int64(i)), 0)
			require.NoError(t, err)
			continue
		}
		subject := fmt.Sprintf("client-references.%c.%d", "abc"[min(i/50, 2)], i)
		_, err := s.js.PublishMsg(deadline(t), &nats.Msg{Subject: subject, Header: nats.Header{"kind": {"large"}}, Data: body})
		require.NoError(t, err)
	}
}

func purge(t testing.TB, s *Store, options ...jetstream.StreamPurgeOpt) {
	t.Helper()
	stream, err := s.js.Stream(deadline(t), Stream)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(deadline(t), options...))
}

func streamDir(dir, stream string) string {
	return filepath.Join(dir, storeName, "jetstream", "$G", "streams", stream)
}

func blockFile(dir string, number int) string {
	return filepath.Join(streamDir(dir, Stream), "msgs", strconv.Itoa(number)+blockSuffix)
}

// inspectData goes by what is known of how far the stream had come, 0 for nothing.

func inspectData(dir string, reached uint64) error {
	last, err := inspect(filepath.Join(dir, storeName), false)
	if err == nil && last < reached {
		return ErrWentBackwards
	}
	return err
}

// hashes are those of all files, and tell of empty folders, too.

func hashes(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		all[path] = ""
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		all[path] = string(hash.Sum(nil))
		return err
	}))
	return all
}

func records(content []byte) (all []record) {
	for len(content) > 0 {
		size := record(content).size()
		all = append(all, content[:size])
		content = content[size:]
	}
	return all
}

func lastRecord(content []byte) record {
	all := records(content)
	return all[len(all)-1]
}

// edit replaces the content of a file.

func edit(t testing.TB, file string, change func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, change(content), 0o600))
}

// Whatever was done to a store through its server is accepted, whether the server was stopped or killed.

// A block that is emptied goes without a trace, and so do messages that were purged from the newest block, once that is

// an older one and rewritten.

// With the next batch after a purge the server rewrites a block that has become half empty, and drops what tells of it.

// What a crash between two steps of the server leaves, and what only the server can read.

// A crash in the middle of a write leaves part of a message that was not acknowledged: unless it was.

// A bit anywhere is noticed without knowing what the stream has reached.

// poke writes one byte.

// requireRefused insists on an error, a *DamagedError unless it is another, and that it changed nothing.

// Whatever stream a block is of, and wherever it is.
