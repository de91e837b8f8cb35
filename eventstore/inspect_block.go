package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"os"
	"path/filepath"
	"strconv"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// The blocks of nats-server 2.x, see server/filestore.go there. A block is a run of records, and a record is
//
//	length 4, sequence 8, time 8, length of the subject 2, subject, [length of the headers 4, headers,] body, hash 8
//
// The hash covers everything but the lengths, and its key is made of the names of the stream and the block.
const (
	blockSuffix   = ".blk"
	keySuffix     = ".key" // of a file beside a block that is encrypted
	compressed    = "cmp\x01"
	recordHeader  = 22
	recordHash    = 8
	headersBit    = uint32(1 << 31) // in the length: there are headers
	headersLength = 4
	erasedBit     = uint64(1 << 63) // in the sequence: the message was overwritten or skipped
	tombstoneBit  = uint64(1 << 62) // in the sequence: that message, elsewhere, was deleted
	headersBegin  = "NATS/1.0\r\n"
	headersEnd    = "\r\n\r\n"
)

// blockBuffer holds a block as long as no other is read into it.
type blockBuffer = bytes.Buffer

type block struct {
	stream    string
	number    int
	file      string
	content   []byte
	encrypted bool
	hash      hash.Hash64
}

// openBlock reads a block into buffer.
func openBlock(stream, msgs string, number int, buffer *blockBuffer) (*block, error) {
	name := strconv.Itoa(number)
	_, err := os.Stat(filepath.Join(msgs, name+keySuffix))
	b := &block{
		stream:    filepath.Base(stream),
		number:    number,
		file:      filepath.Join(msgs, name+blockSuffix),
		encrypted: err == nil,
		hash:      hashFor(filepath.Base(stream) + "-" + name),
	}
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
	_, err = buffer.ReadFrom(file)
	b.content = buffer.Bytes()
	return b, err
}

func (b *block) opaque() bool { return b.encrypted || bytes.HasPrefix(b.content, []byte(compressed)) }

// unpack makes a block that is compressed what it was before.
func (b *block) unpack() error {
	var packed server.CompressionInfo
	begin, err := packed.UnmarshalMetadata(b.content)
	if b.encrypted || err == nil && begin == 0 {
		return nil
	}
	if err == nil {
		b.content, err = packed.Algorithm.Decompress(b.content[begin:])
	}
	if err != nil {
		return &DamagedError{Stream: b.stream, File: b.file, Reason: "the block is compressed and cannot be unpacked: " + err.Error()}
	}
	return nil
}

// fault says what is wrong with a record, or "".
func (b *block) fault(r record) string {
	switch {
	case !r.whole():
		return "a message is cut short, or its length is wrong"
	case !b.sound(r[:r.size()]):
		return "the checksum of a message is wrong"
	case !r[:r.size()].headersFit():
		return "the length of a message's headers is wrong"
	}
	return ""
}

// sound tells whether the hash at the end of a record is that of what stands before it.
func (b *block) sound(r record) bool {
	subject, text, end := r.subjectEnd(), r.textBegin(), len(r)-recordHash
	if text > end {
		return false
	}
	b.hash.Reset()
	for _, part := range [][]byte{r[4:20], r[recordHeader:subject], r[text:end]} {
		_, _ = b.hash.Write(part) // never fails
	}
	var sum [recordHash]byte
	return bytes.Equal(b.hash.Sum(sum[:0]), r[end:])
}

// torn tells whether the faulty record r, with which its block ends, is one whose write did not end: either there is
// less of it than its length, or its hash still reads as zeros, as what did not reach the disk may do. A length that was
// altered looks the same, but for what it hides: the true end of the record, or the next one.
func (b *block) torn(r record) bool {
	written := len(bytes.TrimRight(r, "\x00"))
	if written < recordHeader {
		return true
	}
	if r.size() <= len(r) && written > r.size()-recordHash || b.sound(r) {
		return false
	}
	for next := r[1:]; len(next) >= recordHeader; next = next[1:] {
		if next.whole() && b.sound(next[:next.size()]) {
			return false
		}
	}
	return true
}

// record is what a block holds from the beginning of a record on.
type record []byte

// marked tells whether a record is not of a message that is stored, but of one that is not any more.
func (r record) marked() bool { return binary.LittleEndian.Uint64(r[4:])&(erasedBit|tombstoneBit) != 0 }

func (r record) sequence() uint64 {
	return binary.LittleEndian.Uint64(r[4:]) &^ (erasedBit | tombstoneBit)
}

// size is the length that a record says it has.
func (r record) size() int { return int(binary.LittleEndian.Uint32(r) &^ headersBit) }

// whole tells whether r can be a record, and is as long as it says.
func (r record) whole() bool {
	return len(r) >= recordHeader && r.size() >= recordHeader+recordHash && r.size() <= len(r)
}

func (r record) hasHeaders() bool { return binary.LittleEndian.Uint32(r)&headersBit != 0 }

func (r record) subjectEnd() int { return recordHeader + int(binary.LittleEndian.Uint16(r[20:])) }

// textBegin is where the headers begin, or the body of a message that has none.
func (r record) textBegin() int {
	if r.hasHeaders() {
		return r.subjectEnd() + headersLength
	}
	return r.subjectEnd()
}

// headersFit tells whether the headers of a sound record end where they say. Of headers without an end nothing is known.
func (r record) headersFit() bool {
	if !r.hasHeaders() {
		return true
	}
	text := r[r.textBegin() : len(r)-recordHash]
	length := binary.LittleEndian.Uint32(r[r.subjectEnd():])
	if uint64(length) > uint64(len(text)) {
		return false
	}
	return bytes.HasSuffix(text[:length], []byte(headersEnd)) ||
		!bytes.HasPrefix(text, []byte(headersBegin)) || !bytes.Contains(text, []byte(headersEnd))
}

// hashFor is the keyed hash that nats-server uses in all its files.
func hashFor(key string) hash.Hash64 {
	sum := sha256.Sum256([]byte(key))
	keyed, err := highwayhash.NewDigest64(sum[:])
	if err != nil {
		panic(err) // the key has the one size that is allowed
	}
	return keyed
}

func sumOf(key string, content []byte) []byte {
	keyed := hashFor(key)
	_, _ = keyed.Write(content) // never fails
	return keyed.Sum(nil)
}
