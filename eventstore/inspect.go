package eventstore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// DamagedError tells that a file of an embedded server's store is not what was written. Nothing was changed.
type DamagedError struct {
	File   string
	Offset int64
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the store is damaged and was left as it is: %s at byte %d: %s", e.File, e.Offset, e.Reason)
}

// inspect reads the store of a server that is not running, and changes nothing. It must come before the server does,
// which cuts a file off at the first message that it cannot read, and goes on with what is left.
//
// It answers the last sequence of the stream of events, 0 for a store that is not there yet, or else
//   - a *DamagedError for a message, in any stream, that is not what was written; for a message of the stream of events
//     that the server's own index tells of and that is gone without having been deleted; and for a stream that the
//     server would pass over because of its configuration,
//   - ErrWentBackwards when the stream of events ends before what its index tells.
//
// A message cut short at the very end of a stream is no damage: it is what a crash in the middle of a write leaves, and
// was not acknowledged; strict asks for a store without. Blocks that are encrypted or compressed are not read, and a
// stream of events with such a block may end anywhere. Messages that are gone while no index tells of them pass: nothing
// tells them from purged ones.
func inspect(storeDir string, strict bool) (last uint64, err error) {
	dir := filepath.Join(storeDir, "jetstream", "$G", "streams")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("inspect the store: %w", err)
	}
	events := &findings{msgs: messagesDir(filepath.Join(dir, Stream))}
	for _, entry := range entries {
		if entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue // the server removes the latter: it was deleted
		}
		found, err := readStream(filepath.Join(dir, entry.Name()), strict)
		if err != nil {
			return 0, fmt.Errorf("inspect stream %s: %w", entry.Name(), err)
		}
		if entry.Name() == Stream {
			events = found
		}
	}
	return events.last, events.check()
}

// findings are what the blocks of a stream were found to hold.
type findings struct {
	msgs    string // the folder of the blocks
	last    uint64
	stored  avl.SequenceSet // sequences of messages, deleted ones among them
	deleted avl.SequenceSet // sequences of which a record says that they were deleted
	opaque  bool            // some blocks were not read
}

// check holds what was found of the stream of events against what it has been.
func (c *findings) check() error {
	if c.opaque {
		return nil
	}
	index := readIndex(c.msgs)
	if c.last < index.last {
		return fmt.Errorf("%w: it had reached %d and now ends at %d", ErrWentBackwards, index.last, c.last)
	}
	return index.missing(c)
}

// readStream reads all blocks of the stream in dir. Only unless strict the last may end short.
func readStream(dir string, strict bool) (*findings, error) {
	c := &findings{msgs: messagesDir(dir)}
	numbers, err := blockNumbers(c.msgs)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	var torn error // tolerated as long as nothing comes after it
	for _, number := range numbers {
		b, err := openBlock(dir, c.msgs, number, &buffer)
		if err != nil {
			return nil, err
		}
		switch {
		case len(b.content) == 0: // begun, or emptied
		case torn != nil:
			return nil, torn
		case b.opaque():
			c.opaque = true
		default:
			if torn, err = c.add(b); err != nil {
				return nil, err
			}
		}
	}
	if strict && torn != nil {
		return nil, torn
	}
	return c, checkConfig(dir, c.last > 0)
}

// add takes up the records of a block. What is wrong with it is torn, when it is no more than an end that is missing.
func (c *findings) add(b *block) (torn, damage error) {
	for at := 0; at < len(b.content); {
		r := record(b.content[at:])
		if reason := b.fault(r); reason != "" {
			damaged := &DamagedError{File: b.file, Offset: int64(at), Reason: reason}
			if b.torn(r) {
				return damaged, nil
			}
			return nil, damaged
		}
		marked := binary.LittleEndian.Uint64(r[4:])
		sequence := marked &^ (erasedBit | tombstoneBit)
		c.last = max(c.last, sequence)
		if marked == sequence {
			c.stored.Insert(sequence)
		} else {
			c.deleted.Insert(sequence)
		}
		at += r.size()
	}
	return nil, nil
}

// messagesDir is the folder that the server would take a stream's blocks from. A purge of everything is decided when
// the one block that remembers the last sequence has been moved aside; what is left of the purge follows at the start.
func messagesDir(stream string) string {
	aside := filepath.Join(stream, "__new_msgs__")
	if numbers, err := blockNumbers(aside); err == nil && len(numbers) > 0 {
		return aside
	}
	return filepath.Join(stream, "msgs")
}

// blockNumbers are the numbers of the blocks in dir, in order.
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

// checkConfig checks the files without which the server does not see the stream in dir. A stream gets them one after
// the other, when it is created: after a crash it may have none, and no message. That it has the first alone does no
// harm: the service creates the stream anew, over its messages. The same becomes of a stream whose configuration was
// being altered as the server was killed: nobody alters that of the service's own streams.
func checkConfig(dir string, filled bool) error {
	file := filepath.Join(dir, "meta.inf")
	config, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && (!filled || filepath.Base(dir) != Stream) {
		return nil
	}
	if err != nil {
		return &DamagedError{File: file, Reason: "the configuration of the stream cannot be read: " + err.Error()}
	}
	sum, err := os.ReadFile(filepath.Join(dir, "meta.sum"))
	if err == nil && owned(filepath.Base(dir)) && string(sum) != hex.EncodeToString(sumOf(filepath.Base(dir), config)) {
		return &DamagedError{File: file, Reason: "the checksum of the stream's configuration is wrong"}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// owned reports whether a stream is one of the service's own, and its configuration nobody else's business.
func owned(stream string) bool {
	return slices.Contains([]string{Stream, IDStream, QuarantineStream, "KV_" + KeysBucket}, stream)
}
