package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"clients/cmd/clients/internal/terminal"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/jsm.go"
	"github.com/nats-io/nats-server/v2/server/archive"
)

// archiveBlock is how much of a stream a server is given to store at a time. One that syncs each message and takes more
// than 5 s for a block believes that nobody sends it anything any more, and gives up; as it is backed up, a block is of 1 MB.
const archiveBlock = 32 << 10

// openArchive reads the messages of a backup, in small blocks, and shows how far that has come.
func openArchive(path string, stderr io.Writer) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	reader, writer := io.Pipe()
	bar := terminal.NewProgress(stderr, uint64(info.Size()), terminal.Bytes)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		small := s2.NewWriter(writer, s2.WriterBlockSize(archiveBlock), s2.WriterConcurrency(1))
		_, err := small.ReadFrom(s2.NewReader(bar.Reader(file)))
		writer.CloseWithError(errors.Join(err, small.Close()))
	}()
	return &archiveReader{reader, func() error {
		_ = reader.Close()
		<-ended
		bar.Clear()
		return file.Close()
	}}, nil
}

// isWhole tells whether a copy has as many messages as there were at its beginning. What servers before 2.15 make is
// taken to be so: they copy files and not messages.
func isWhole(folder string, messages uint64) (bool, error) {
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

// archiveReader is what openArchive opens.
type archiveReader struct {
	io.Reader
	close func() error
}

func (a *archiveReader) Close() error { return a.close() }
