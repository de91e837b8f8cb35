package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/highwayhash"
)

// DamagedError tells that a file of an embedded server's store does not hold what was written to it.
type DamagedError struct {
	File   string
	Offset int64
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the store is damaged and is left as it is: %s at byte %d: %s", e.File, e.Offset, e.Reason)
}

// inspect reads everything in the store of a server that does not run, and changes nothing. A server that finds a
// damaged message would cut off its file there and go on with what is left; so it must not start.
//
// It answers the last sequence of the stream of events, or a *DamagedError: for a message whose checksum is wrong, for
// an event that is missing and was not removed, and for a stream that the server would pass over. A message cut short at
// the very end of a stream is what a crash in the middle of a write leaves. It was not acknowledged and is accepted,
// unless strict asks for a store without.
func inspect(storeDir string, strict bool) (last uint64, err error) {
	streams, err := filepath.Glob(filepath.Join(storeDir, "jetstream", "*", "streams", "*"))
	if err != nil {
		return 0, err
	}
	for _, dir := range streams {
		name := filepath.Base(dir)
		if strings.HasPrefix(name, ".") {
			continue // deleted, and being removed
		}
		found, err := inspectStream(dir, strict)
		if err != nil {
			return 0, err
		}
		if name != Stream {
			continue
		}
		if missing := found.missing(); missing > 0 {
			return 0, &DamagedError{File: dir, Reason: fmt.Sprintf("message %d is missing", missing)}
		}
		last = found.last
	}
	return last, nil
}

// inspectStream looks through the stream stored in dir.
func inspectStream(dir string, strict bool) (*sequences, error) {
	if err := inspectConfig(dir); err != nil {
		return nil, err
	}
	blocks, err := blockFiles(filepath.Join(dir, "msgs"))
	if err != nil {
		return nil, err
	}
	found := &sequences{removed: make(map[uint64]bool)}
	for i, index := range blocks {
		path := filepath.Join(dir, "msgs", fmt.Sprintf(blockName, index))
		newest := i == len(blocks)-1
		if err := inspectBlock(path, fmt.Sprintf("%s-%d", filepath.Base(dir), index), newest && !strict, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// sequences are those of the messages that a stream holds.
type sequences struct {
	last    uint64
	next    uint64 // behind the last message that is there
	holes   [][2]uint64
	removed map[uint64]bool // marked as removed, wherever the mark stands
}

func (s *sequences) add(sequence uint64, removed bool) {
	s.last = max(s.last, sequence)
	if removed {
		s.removed[sequence] = true
		return
	}
	if s.next > 0 && sequence > s.next {
		s.holes = append(s.holes, [2]uint64{s.next, sequence})
	}
	s.next = max(s.next, sequence+1)
}

// missing is the first message that is not there and was not removed, or 0.
func (s *sequences) missing() uint64 {
	for _, hole := range s.holes {
		for sequence := hole[0]; sequence < hole[1]; sequence++ {
			if !s.removed[sequence] {
				return sequence
			}
		}
	}
	return 0
}

// inspectConfig checks the file without which the server would not see the stream at all.
func inspectConfig(dir string) error {
	path := filepath.Join(dir, "meta.inf")
	config, err := os.ReadFile(path)
	if err == nil {
		var sum []byte
		sum, err = os.ReadFile(filepath.Join(dir, "meta.sum"))
		if err == nil && string(sum) != hex.EncodeToString(hashOf(filepath.Base(dir), config)) {
			return &DamagedError{File: path, Reason: "the checksum of the stream's configuration is wrong"}
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &DamagedError{File: path, Reason: "the stream's configuration is missing"}
	}
	return err
}

// blockFiles are the numbers of a stream's blocks, in order.
func blockFiles(dir string) ([]int, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var blocks []int
	for _, file := range files {
		var index int
		if _, err := fmt.Sscanf(file.Name(), blockName, &index); err == nil && file.Name() == fmt.Sprintf(blockName, index) {
			blocks = append(blocks, index)
		}
	}
	slices.Sort(blocks)
	return blocks, nil
}

// The format of the blocks that nats-server 2.x writes, see its filestore.go: records of a header (length, sequence,
// time, length of the subject), subject, headers behind their length, body, and a keyed hash of all that but the lengths.
const (
	blockName    = "%d.blk"
	recordHeader = 22
	recordHash   = 8
	hasHeaders   = uint32(1 << 31) // in the length
	headerLength = 4
	deletedBit   = uint64(1 << 63) // in the sequence: the record marks a message that was removed
	tombstoneBit = uint64(1 << 62)
)

// compressed begins a block that is not checked: the service does not write any.
const compressed = "cmp"

// inspectBlock checks every record of a block, and adds their sequences to found.
func inspectBlock(path, key string, mayEndShort bool, found *sequences) error {
	block, err := os.ReadFile(path)
	if err != nil || bytes.HasPrefix(block, []byte(compressed)) {
		return err
	}
	for offset := 0; offset < len(block); {
		r := record(block[offset:])
		size, whole := r.size()
		if !whole && mayEndShort && r.cutShort(key) {
			return nil
		}
		if !whole {
			return &DamagedError{File: path, Offset: int64(offset), Reason: "a message is cut short"}
		}
		if r = r[:size]; !r.sound(key) {
			return &DamagedError{File: path, Offset: int64(offset), Reason: "the checksum of a message is wrong"}
		}
		found.add(r.sequence())
		offset += size
	}
	return nil
}

// record is what a block holds of one message, and whatever follows it.
type record []byte

// size is the length that the record says it has; whole is false where there is not as much.
func (r record) size() (size int, whole bool) {
	if len(r) < recordHeader+recordHash {
		return 0, false
	}
	size = int(binary.LittleEndian.Uint32(r) &^ hasHeaders)
	return size, r.texts() <= size-recordHash && size <= len(r)
}

// texts is where the headers or the body begin.
func (r record) texts() int {
	at := recordHeader + int(binary.LittleEndian.Uint16(r[20:]))
	if binary.LittleEndian.Uint32(r)&hasHeaders != 0 {
		at += headerLength
	}
	return at
}

// cutShort tells whether the rest of a block is part of one message, and not a message whose length is wrong: that one
// ends within the block, or has others behind it.
func (r record) cutShort(key string) bool {
	if len(r) < recordHeader+recordHash {
		return true
	}
	if size, _ := r.size(); size <= len(r) {
		return false
	}
	for offset := 1; offset < len(r); offset++ {
		later := r[offset:]
		if size, whole := later.size(); whole && later[:size].sound(key) {
			return false
		}
	}
	return true
}

// sequence answers the sequence of the message, and whether the record marks it as removed.
func (r record) sequence() (sequence uint64, removed bool) {
	bits := binary.LittleEndian.Uint64(r[4:])
	sequence = bits &^ (deletedBit | tombstoneBit)
	return sequence, bits != sequence
}

// sound tells whether the hash at the end of a whole record is the one of what stands before it.
func (r record) sound(key string) bool {
	subject := recordHeader + int(binary.LittleEndian.Uint16(r[20:]))
	end := len(r) - recordHash
	return bytes.Equal(hashOf(key, r[4:20], r[recordHeader:subject], r[r.texts():end]), r[end:])
}

// hashOf is the keyed hash that nats-server uses throughout its files.
func hashOf(key string, parts ...[]byte) []byte {
	sum := sha256.Sum256([]byte(key))
	hash, err := highwayhash.NewDigest64(sum[:])
	if err != nil {
		panic(err) // the key has the only size there is
	}
	for _, part := range parts {
		_, _ = hash.Write(part) // never fails
	}
	return hash.Sum(nil)
}
