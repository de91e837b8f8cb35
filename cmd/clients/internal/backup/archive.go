package backup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/jsm.go"
	"github.com/nats-io/nats-server/v2/server/archive"
)

// archiveBlock is how much of a stream a server stores at a time. A server that syncs each message and takes more than
// 5 s for a block gives up the restore; the blocks of a backup have 1 MB.
const archiveBlock = 32 << 10

// smallBlocks returns the archive in r with smaller blocks. Close ends reading from r.
func smallBlocks(r io.Reader) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		small := s2.NewWriter(writer, s2.WriterBlockSize(archiveBlock), s2.WriterConcurrency(1))
		_, err := small.ReadFrom(s2.NewReader(r))
		writer.CloseWithError(errors.Join(err, small.Close()))
	}()
	return reader
}

// isComplete reports whether a copy has as many messages as there were when it began. A copy by a server before 2.15 is
// complete: these copy files, not messages.
func isComplete(folder string, messages uint64) (bool, error) {
	file, err := os.Open(filepath.Join(folder, jsm.SnapshotDataFile))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	found := uint64(0)
	for entries := archive.NewReader(s2.NewReader(file)); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return found == messages, nil
		}
		if err != nil {
			return false, err
		}
		if entry.Sequence != 0 {
			found++
		}
	}
}
