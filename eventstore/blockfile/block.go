package blockfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

const blockSuffix = ".blk"

// scanned is what a scan of one block has found.
type scanned struct {
	empty     bool // the block was just begun, or emptied
	records   []Record
	truncated *DamagedError // of a record at the end that was not written to its end
	err       error         // what is wrong behind the records
}

// block is a block while it is scanned.
type block struct {
	stream   string
	file     string
	content  []byte
	checksum checksum
}

func newBlock(dir, stream string, number int) *block {
	name := strconv.Itoa(number)
	return &block{stream: stream, file: filepath.Join(dir, name+blockSuffix), checksum: newChecksum(stream + "-" + name)}
}

// read reads the block into a buffer, and decompresses it if need be.
func (b *block) read(buffer *bytes.Buffer) error {
	file, err := os.Open(b.file)
	if err != nil {
		return err
	}
	defer file.Close()
	buffer.Reset()
	if _, err = buffer.ReadFrom(file); err != nil {
		return err
	}
	b.content = buffer.Bytes()
	var compression server.CompressionInfo
	begin, err := compression.UnmarshalMetadata(b.content)
	if err == nil && begin > 0 {
		b.content, err = compression.Algorithm.Decompress(b.content[begin:])
	}
	if err != nil {
		return &DamagedError{File: b.file, Reason: "the block cannot be decompressed: " + err.Error()}
	}
	return nil
}

func (b *block) scan(buffer *bytes.Buffer, subject string) (found scanned) {
	if err := b.read(buffer); err != nil {
		return scanned{err: err}
	}
	found.empty = len(b.content) == 0
	for at := 0; at < len(b.content); {
		r := record(b.content[at:])
		if reason := r.fault(b.checksum); reason != "" {
			damaged := &DamagedError{File: b.file, Offset: int64(at), Reason: reason}
			if r.truncated(b.checksum) {
				found.truncated = damaged
			} else {
				found.err = damaged
			}
			return found
		}
		found.records = append(found.records, Record{Stream: b.stream, Sequence: r.sequence(), Deleted: r.deleted(), Tombstone: r.tombstone(), Message: r.message(subject)})
		at += r.size()
	}
	return found
}
