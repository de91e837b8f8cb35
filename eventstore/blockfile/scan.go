// Package blockfile reads the files in which nats-server 2.x keeps the messages of its streams, while no server uses them.
//
// A server that opens a store cuts a file off at the first message that it cannot read, and goes on with what is left: what
// was stored behind a flipped bit would be gone without a word. So the embedded server is only started after Scan has read
// all files:
//
//	<store>/jetstream/$G/streams/<stream>/msgs/<number>.blk   a block: a run of records
//	Scan -> each block, in order -> each record -> Visitor
//
// A record is either a message or says that one was deleted. It has a checksum, whose key is made of the names of the
// stream and of the block, so that a block in a wrong place is noticed as well:
//
//	length 4, sequence 8, time 8, length of the subject 2, subject, [length of the headers 4, headers,] body, checksum 8
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
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Record is one record of a block.
type Record struct {
	Stream   string
	Sequence uint64
	// Deleted says that the message of the sequence was deleted, overwritten or skipped.
	Deleted bool
}

// Visitor is called with each record whose checksum is right. The scan ends with its error.
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
// store yet it reads nothing. It returns
//   - a *DamagedError for the first record that is not what was written,
//   - the Visitor's error,
//   - the error of reading a file.
//
// A record cut short at the very end of a stream is passed over: it is what a crash in the middle of a write leaves, and
// was not acknowledged.
func Scan(dir string, visit Visitor) error {
	streams := filepath.Join(dir, "jetstream", "$G", "streams")
	entries, err := os.ReadDir(streams)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scan the store: %w", err)
	}
	var buffer bytes.Buffer
	for _, entry := range entries {
		if entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue // the server removes the latter: it was deleted
		}
		if err := scanStream(streams, entry.Name(), &buffer, visit); err != nil {
			return fmt.Errorf("scan stream %s: %w", entry.Name(), err)
		}
	}
	return nil
}

func scanStream(streams, stream string, buffer *bytes.Buffer, visit Visitor) error {
	dir := filepath.Join(streams, stream, "msgs")
	numbers, err := blockNumbers(dir)
	if err != nil {
		return err
	}
	var truncated *DamagedError
	for _, number := range numbers {
		b, err := openBlock(dir, stream, number, buffer)
		switch {
		case err != nil:
			return err
		case len(b.content) == 0: // just begun, or emptied
			continue
		case truncated != nil: // not at the end of the stream
			return truncated
		}
		if truncated, err = b.scan(visit); err != nil {
			return err
		}
	}
	return nil
}

const blockSuffix = ".blk"

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

// block is a block whose content stays in the buffer that it was read into.
type block struct {
	stream   string
	file     string
	content  []byte
	checksum checksum
}

func openBlock(dir, stream string, number int, buffer *bytes.Buffer) (*block, error) {
	name := strconv.Itoa(number)
	b := &block{stream: stream, file: filepath.Join(dir, name+blockSuffix), checksum: newChecksum(stream + "-" + name)}
	file, err := os.Open(b.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	buffer.Reset()
	buffer.Grow(int(info.Size()) + bytes.MinRead)
	if _, err = buffer.ReadFrom(file); err != nil {
		return nil, err
	}
	b.content = buffer.Bytes()
	return b, b.decompress()
}

func (b *block) decompress() error {
	var compression server.CompressionInfo
	begin, err := compression.UnmarshalMetadata(b.content)
	if err == nil && begin == 0 {
		return nil
	}
	if err == nil {
		b.content, err = compression.Algorithm.Decompress(b.content[begin:])
	}
	if err != nil {
		return &DamagedError{File: b.file, Reason: "the block cannot be decompressed: " + err.Error()}
	}
	return nil
}

// scan calls visit with each record. A record at the end that was not written to its end is returned as truncated.
func (b *block) scan(visit Visitor) (truncated *DamagedError, err error) {
	for at := 0; at < len(b.content); {
		r := record(b.content[at:])
		if reason := r.fault(b.checksum); reason != "" {
			damaged := &DamagedError{File: b.file, Offset: int64(at), Reason: reason}
			if r.truncated(b.checksum) {
				return damaged, nil
			}
			return nil, damaged
		}
		if err := visit(Record{Stream: b.stream, Sequence: r.sequence(), Deleted: r.deleted()}); err != nil {
			return nil, err
		}
		at += r.size()
	}
	return nil, nil
}
