package blockfile

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"

	"github.com/minio/highwayhash"
)

// The parts of a record, see server/filestore.go of nats-server.
const (
	headerSize    = 22
	checksumSize  = 8
	headersLength = 4
	headersBit    = uint32(1 << 31) // in the length: there are headers
	erasedBit     = uint64(1 << 63) // in the sequence: the message was overwritten or skipped
	tombstoneBit  = uint64(1 << 62) // in the sequence: the message, which is elsewhere, was deleted
	headersBegin  = "NATS/1.0\r\n"
	headersEnd    = "\r\n\r\n"
)

// record is what a block holds from the beginning of a record on.
type record []byte

func (r record) deleted() bool {
	return binary.LittleEndian.Uint64(r[4:])&(erasedBit|tombstoneBit) != 0
}

func (r record) tombstone() bool {
	return binary.LittleEndian.Uint64(r[4:])&tombstoneBit != 0
}

func (r record) sequence() uint64 {
	return binary.LittleEndian.Uint64(r[4:]) &^ (erasedBit | tombstoneBit)
}

// size is the length that the record claims to have.
func (r record) size() int { return int(binary.LittleEndian.Uint32(r) &^ headersBit) }

func (r record) hasHeaders() bool { return binary.LittleEndian.Uint32(r)&headersBit != 0 }

func (r record) subjectEnd() int { return headerSize + int(binary.LittleEndian.Uint16(r[20:])) }

// message returns what a message on a subject holds, nil for any other record.
func (r record) message(subject string) *Message {
	if r.deleted() || string(r[headerSize:r.subjectEnd()]) != subject {
		return nil
	}
	text := bytes.Clone(r[r.textBegin() : r.size()-checksumSize])
	headers := 0
	if r.hasHeaders() {
		headers = int(binary.LittleEndian.Uint32(r[r.subjectEnd():]))
	}
	at := int64(binary.LittleEndian.Uint64(r[12:]))
	return &Message{StoredAt: time.Unix(0, at), Header: text[:headers], Data: text[headers:]}
}

// textBegin is where the headers begin, or the body of a message without headers.
func (r record) textBegin() int {
	if r.hasHeaders() {
		return r.subjectEnd() + headersLength
	}
	return r.subjectEnd()
}

// complete reports whether all of the record is there, by its length.
func (r record) complete() bool {
	return len(r) >= headerSize && r.size() >= headerSize+checksumSize && r.size() <= len(r)
}

// fault returns what is wrong with the record, "" for nothing.
func (r record) fault(c checksum) string {
	switch {
	case !r.complete():
		return "a message is cut short, or its length is wrong"
	case !c.matches(r[:r.size()]):
		return "the checksum of a message is wrong"
	case !r[:r.size()].headersFit():
		return "the length of a message's headers is wrong"
	}
	return ""
}

// truncated reports whether a faulty record, with which its block ends, was not written to its end: there is less of it
// than its length, or its checksum still reads as zeros, as what did not reach the disk may do. An altered length looks
// the same, except that the record's checksum, or another record, follows.
func (r record) truncated(c checksum) bool {
	written := len(bytes.TrimRight(r, "\x00"))
	if written < headerSize {
		return true
	}
	if r.size() <= len(r) && written > r.size()-checksumSize || c.matches(r) {
		return false
	}
	for next := r[1:]; len(next) >= headerSize; next = next[1:] {
		if next.complete() && c.matches(next[:next.size()]) {
			return false
		}
	}
	return true
}

// headersFit reports whether the headers end where their length says, which no checksum covers. Of headers without an end
// nothing is known.
func (r record) headersFit() bool {
	if !r.hasHeaders() {
		return true
	}
	text := r[r.textBegin() : len(r)-checksumSize]
	length := binary.LittleEndian.Uint32(r[r.subjectEnd():])
	if uint64(length) > uint64(len(text)) {
		return false
	}
	return bytes.HasSuffix(text[:length], []byte(headersEnd)) ||
		!bytes.HasPrefix(text, []byte(headersBegin)) || !bytes.Contains(text, []byte(headersEnd))
}

// checksum computes the checksums of one block. It covers everything but the lengths.
type checksum struct {
	hash.Hash64
	buffer *[checksumSize]byte // of the last one
}

func newChecksum(key string) checksum {
	sum := sha256.Sum256([]byte(key))
	keyed, err := highwayhash.NewDigest64(sum[:])
	if err != nil {
		panic(err) // the key has the one size that is allowed
	}
	return checksum{keyed, new([checksumSize]byte)}
}

// erase makes the record one of an overwritten message.
func (r record) erase(c checksum) {
	sequence, size := r.sequence(), uint32(r.size())
	rand.Read(r) // never fails
	binary.LittleEndian.PutUint32(r, size)
	binary.LittleEndian.PutUint64(r[4:], sequence|erasedBit)
	binary.LittleEndian.PutUint64(r[12:], 0) // the time
	binary.LittleEndian.PutUint16(r[20:], 0) // the length of the subject
	copy(r[len(r)-checksumSize:], c.of(r))
}

// matches reports whether the record, from its first byte to its last, ends with its checksum.
func (c checksum) matches(r record) bool {
	end := len(r) - checksumSize
	return r.textBegin() <= end && bytes.Equal(c.of(r), r[end:])
}

// of computes the checksum of a record.
func (c checksum) of(r record) []byte {
	subject, text, end := r.subjectEnd(), r.textBegin(), len(r)-checksumSize
	c.Reset()
	for _, part := range [][]byte{r[4:20], r[headerSize:subject], r[text:end]} {
		_, _ = c.Write(part) // never fails
	}
	return c.Sum(c.buffer[:0])
}
