package backup

import (
	"errors"
	"io"

	"github.com/klauspost/compress/s2"
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
