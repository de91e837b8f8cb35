package eventstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// The index that nats-server 2.15 leaves beside the blocks from time to time, and whenever it stops.
const (
	indexName   = "index.db"
	indexMagic  = "\x0b\x04" // the kind of file, and the version of its format
	indexFields = 3          // of a subject, after its name
)

// index is what the server knew of a stream's blocks when it last wrote that down. The zero index knows of nothing.
type index struct {
	msgs   string
	last   uint64
	blocks []indexedBlock
}

type indexedBlock struct {
	number, first, last uint64
	deleted             *avl.SequenceSet // within first to last
}

// readIndex reads the index in a folder of blocks. One that is damaged, or from another release, knows of nothing.
func readIndex(msgs string) index {
	content, err := os.ReadFile(filepath.Join(msgs, indexName))
	stream := filepath.Base(filepath.Dir(msgs))
	body, sum := content[:max(0, len(content)-recordHash)], content[max(0, len(content)-recordHash):]
	if err != nil || !bytes.HasPrefix(body, []byte(indexMagic)) || !bytes.Equal(sum, sumOf(stream, body)) {
		return index{}
	}
	fields := &varints{rest: body[len(indexMagic):]}
	x := index{msgs: msgs}
	fields.skip(4) // messages, bytes, first sequence and its time
	x.last = fields.next()
	fields.skip(1) // its time
	for n := fields.next(); n > 0 && !fields.broken; n-- {
		fields.cut(fields.next())
		fields.skip(indexFields)
	}
	for n := fields.next(); n > 0 && !fields.broken; n-- {
		x.blocks = append(x.blocks, fields.block())
	}
	if fields.broken {
		return index{}
	}
	return x
}

// missing answers a *DamagedError for the first message that the index tells of and that is gone. When a message was
// deleted since the index was written it answers nil: a block that was emptied is removed, and leaves no trace.
func (x index) missing(c *findings) error {
	var missing error
	for _, b := range x.blocks {
		for sequence := b.first; sequence <= b.last; sequence++ {
			switch {
			case b.deleted.Exists(sequence):
			case c.deleted.Exists(sequence):
				return nil
			case missing == nil && !c.stored.Exists(sequence):
				missing = &DamagedError{
					Stream: Stream, Sequence: sequence,
					File:   filepath.Join(x.msgs, strconv.FormatUint(b.number, 10)+blockSuffix),
					Reason: fmt.Sprintf("message %d is gone and was not deleted (%s tells of it)", sequence, indexName),
				}
			}
		}
	}
	return missing
}

// varints reads numbers of variable length, one after the other.
type varints struct {
	rest   []byte
	broken bool
}

func (v *varints) next() uint64 {
	n, size := binary.Uvarint(v.rest)
	v.broken = v.broken || size <= 0
	v.cut(uint64(max(size, 0)))
	return n
}

func (v *varints) skip(n int) {
	for range n {
		v.next()
	}
}

func (v *varints) cut(n uint64) {
	v.broken = v.broken || n > uint64(len(v.rest))
	v.rest = v.rest[min(n, uint64(len(v.rest))):]
}

func (v *varints) block() indexedBlock {
	b := indexedBlock{number: v.next(), deleted: &avl.SequenceSet{}}
	v.skip(1) // bytes
	b.first = v.next()
	v.skip(1) // its time
	b.last = v.next()
	v.skip(1) // its time
	deletions := v.next()
	v.skip(2) // messages that expire, messages that are scheduled
	if deletions == 0 || v.broken {
		return b
	}
	deleted, size, err := avl.Decode(v.rest)
	if err != nil {
		v.broken = true
		return b
	}
	b.deleted = deleted
	v.cut(uint64(size))
	return b
}
