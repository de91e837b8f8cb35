package blockfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clients/eventstore/files"

	"github.com/nats-io/nats-server/v2/server"
)

// Overwrite overwrites messages of a stream that are in its files although they were deleted, as the server does when it
// erases a message. It is only for a store that Scan has found to be what was written. Whatever interrupts it, a block has
// its former content or the new one.
func Overwrite(dir, stream string, deleted map[uint64]bool) error {
	folder := filepath.Join(streamsFolder(dir), stream, "msgs")
	numbers, err := blockNumbers(folder)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		b := newBlock(folder, stream, number)
		if err := b.overwrite(deleted); err != nil {
			return fmt.Errorf("overwrite deleted messages in %s: %w", b.file, err)
		}
	}
	return nil
}

func (b *block) overwrite(deleted map[uint64]bool) error {
	if err := b.read(new(bytes.Buffer)); err != nil {
		return err
	}
	changed := false
	for at := 0; at < len(b.content); {
		r := record(b.content[at:])
		if r.fault(b.checksum) != "" { // cut short, at the end of the stream
			break
		}
		if r = r[:r.size()]; !r.deleted() && deleted[r.sequence()] {
			r.erase(b.checksum)
			changed = true
		}
		at += len(r)
	}
	if !changed {
		return nil
	}
	return files.Replace(b.file, b.content) // without compression
}

// RemoveLeftovers removes what a killed server leaves of files that it was about to replace or remove: blocks that were not
// renamed yet, which may hold messages that are erased later, and streams that were being deleted. Of these the folder may
// still have its name: that is removed for the disposable stream only.
func RemoveLeftovers(dir, disposable string) error {
	leftovers, streams := []string{}, streamsFolder(dir)
	for _, pattern := range []string{".*", "*/msgs/*.blk" + files.TemporarySuffix, "*/msgs/*.new"} {
		found, err := filepath.Glob(filepath.Join(streams, pattern))
		if err != nil {
			return err
		}
		leftovers = append(leftovers, found...)
	}
	folder := filepath.Join(streams, disposable)
	if _, err := os.Stat(filepath.Join(folder, server.JetStreamMetaFile)); errors.Is(err, fs.ErrNotExist) {
		leftovers = append(leftovers, folder)
	}
	for _, path := range leftovers {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove leftovers: %w", err)
		}
	}
	return nil
}
