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
// It answers a *DamagedError for a message whose checksum is wrong and for a stream that the server would pass over,
// and ErrWentBackwards when the stream of events ends before the sequence that it had reached. A message cut short at
// the very end of a stream is what a crash in the middle of a write leaves: it was not acknowledged, and is accepted.
// That messages are missing in between, the follower tells.
func inspect(storeDir string, reached uint64) error {
	streams, err := filepath.Glob(filepath.Join(storeDir, "jetstream", "*", "streams", "*"))
	if err != nil {
		return err
	}
	last := uint64(0)
	for _, dir := range streams {
		if strings.HasPrefix(filepath.Base(dir), ".") {
			continue // deleted, and being removed
		}
		end, err := inspectStream(dir)
		if err != nil {
			return err
		}
		if filepath.Base(dir) == Stream {
			last = end
		}
	}
	if last < reached {
		return fmt.Errorf("%w: it had reached %d and now ends at %d", ErrWentBackwards, reached, last)
	}
	return nil
}

// inspectStream answers the last sequence of the stream stored in dir.
func inspectStream(dir string) (last uint64, err error) {
	if err := inspectConfig(dir); err != nil {
		return 0, err
	}
	blocks, err := blockFiles(filepath.Join(dir, "msgs"))
	if err != nil {
		return 0, err
	}
	for i, index := range blocks {
		path := filepath.Join(dir, "msgs", fmt.Sprintf(blockName, index))
		end, err := inspectBlock(path, fmt.Sprintf("%s-%d", filepath.Base(dir), index), i == len(blocks)-1)
		if err != nil {
			return 0, err
		}
		last = max(last, end)
	}
	return last, nil
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

// inspectBlock checks every record of a block, and answers the highest sequence in it.
func inspectBlock(path, key string, newest bool) (last uint64, err error) {
	block, err := os.ReadFile(path)
	if err != nil || bytes.HasPrefix(block, []byte(compressed)) {
		return 0, err
	}
	for offset := 0; offset < len(block); {
		r := record(block[offset:])
		size, whole := r.size()
		if !whole && newest {
			return last, nil // cut short
		}
		if !whole {
			return 0, &DamagedError{File: path, Offset: int64(offset), Reason: "a message is cut short"}
		}
		if r = r[:size]; !r.sound(key) {
			return 0, &DamagedError{File: path, Offset: int64(offset), Reason: "the checksum of a message is wrong"}
		}
		last = max(last, r.sequence())
		offset += size
	}
	return last, nil
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

func (r record) sequence() uint64 {
	return binary.LittleEndian.Uint64(r[4:]) &^ (deletedBit | tombstoneBit)
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
