// Package blockfile reads the files in which nats-server 2.x keeps the messages of its streams, while no server uses them.
//
// A server that opens a store truncates a file at the first message that it cannot read, and continues with what is left: after
// a flipped bit the messages behind it would be lost without an error. So the embedded server is started only after Scan has
// read all files:
//
//	<store>/jetstream/$G/streams/<stream>/msgs/<number>.blk   a block: a run of records
//	Scan -> each block, in order -> each record -> Visitor
//
// A record is either a message or says that one was deleted. It has a checksum, whose key is made of the names of the
// stream and of the block, so that a block in a wrong place is noticed as well:
//
//	length 4, sequence 8, time 8, length of the subject 2, subject, [length of the headers 4, headers,] body, checksum 8
//
// A message is overwritten by a record that is as long, with random bytes instead of the message and its subject. Before that
// the server writes a tombstone, and after a kill in between it has no way left to overwrite the message: [Overwrite] does it.
//
// Scan checks each record by itself. Which sequences have to be there is for the Visitor to decide: most streams have gaps.
// The other files, such as the index, are not read: a server that finds them damaged makes them again from the blocks.
package blockfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Record is one record of a block.
type Record struct {
	Stream   string
	Sequence uint64
	// Deleted says that the message of the sequence was deleted, overwritten or skipped.
	Deleted bool
	// Tombstone says that the record, which is Deleted, is not where the message was: it may be there still, see Overwrite.
	Tombstone bool
	// Message is what the message holds; nil unless it is on the subject that the scan is to read.
	Message *Message
}

// Message is a message on the subject that a scan is to read.
type Message struct {
	StoredAt     time.Time
	Header, Data []byte
}

// Visitor is called with each record whose checksum is right, one after the other. The scan ends with its error.
type Visitor func(Record) error

// DamagedError reports that a file is not what was written.
type DamagedError struct {
	File   string
	Offset int64 // in the block before compression
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the store is damaged and was left as it is: %s at byte %d: %s", e.File, e.Offset, e.Reason)
}

// Scan reads the blocks of all streams in the store of a server that is not running, and changes nothing. Where there is no
// store yet it reads nothing. Messages on one subject are visited with what they hold. Scan returns
//   - a *DamagedError for the first record that is not what was written,
//   - the Visitor's error,
//   - the error of reading a file.
//
// A record cut short at the very end of a stream is passed over: it is what a crash in the middle of a write leaves, and
// was not acknowledged.
func Scan(dir, subject string, visit Visitor) error {
	streams := streamsFolder(dir)
	entries, err := os.ReadDir(streams)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scan the store: %w", err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue // the server removes the latter: it was deleted
		}
		if err := scanStream(filepath.Join(streams, entry.Name(), "msgs"), entry.Name(), subject, visit); err != nil {
			return fmt.Errorf("scan stream %s: %w", entry.Name(), err)
		}
	}
	return nil
}

func streamsFolder(dir string) string { return filepath.Join(dir, "jetstream", "$G", "streams") }

// scanStream reads as many blocks at the same time as there are processors, and visits their records in order.
func scanStream(folder, stream, subject string, visit Visitor) error {
	numbers, err := blockNumbers(folder)
	if err != nil {
		return err
	}
	buffers := make([]bytes.Buffer, runtime.GOMAXPROCS(0))
	var truncated *DamagedError
	for some := range slices.Chunk(numbers, len(buffers)) {
		blocks := make([]scanned, len(some))
		var group sync.WaitGroup
		for i, number := range some {
			group.Go(func() { blocks[i] = newBlock(folder, stream, number).scan(&buffers[i], subject) })
		}
		group.Wait()
		for _, block := range blocks {
			if truncated != nil && !block.empty { // not at the end of the stream
				return truncated
			}
			for _, r := range block.records {
				if err := visit(r); err != nil {
					return err
				}
			}
			if block.err != nil {
				return block.err
			}
			if !block.empty {
				truncated = block.truncated
			}
		}
	}
	return nil
}

// blockNumbers returns the numbers of the blocks in a folder, in order.
func blockNumbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var numbers []int
	for _, entry := range entries {
		name, isBlock := strings.CutSuffix(entry.Name(), blockSuffix)
		if number, err := strconv.Atoi(name); err == nil && isBlock {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
