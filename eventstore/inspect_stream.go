package eventstore

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// stream reads all blocks of the stream in dir. Only unless strict the last may end short.
func (i *inspection) stream(dir string) (*findings, error) {
	c := &findings{msgs: messagesDir(dir)}
	numbers, err := blockNumbers(c.msgs)
	if err != nil {
		return c, i.fault(err)
	}
	var buffer blockBuffer
	for _, number := range numbers {
		if err := i.block(c, dir, number, &buffer); err != nil {
			return c, err
		}
	}
	if i.strict && c.torn != nil {
		if err := i.fault(c.torn); err != nil {
			return c, err
		}
		c.torn = nil
	}
	if err := checkConfig(dir, c.last > 0); err != nil {
		return c, i.fault(err)
	}
	return c, nil
}

// block reads a block of the stream in dir. An end that is cut short is tolerated as long as nothing comes after it.
func (i *inspection) block(c *findings, dir string, number int, buffer *blockBuffer) error {
	b, err := openBlock(dir, c.msgs, number, buffer)
	if err == nil && i.unpack {
		err = b.unpack()
	}
	if err != nil {
		c.opaque = true
		return i.fault(err)
	}
	switch {
	case len(b.content) == 0: // begun, or emptied
	case c.torn != nil:
		torn := c.torn
		if c.torn = nil; i.fault(torn) != nil {
			return torn
		}
		fallthrough
	default:
		if err := i.add(c, b); err != nil {
			return err
		}
	}
	if i.read == nil {
		return nil
	}
	return i.read(len(b.content))
}

// add takes up the records of a block.
func (i *inspection) add(c *findings, b *block) error {
	if b.opaque() {
		c.opaque = true
		if i.unpack {
			return i.fault(&DamagedError{Stream: b.stream, File: b.file, Reason: "the block is encrypted, and was not read"})
		}
		return nil
	}
	for step := range b.steps(c.last) {
		switch {
		case step.torn:
			c.torn = step.fault
		case step.fault != nil:
			if err := i.fault(step.fault); err != nil {
				return err
			}
		default:
			c.take(step.record)
			if i.message != nil && !step.record.marked() {
				i.message(b.stream, b, step.at, step.record)
			}
		}
	}
	return nil
}

// take takes up a sound record.
func (c *findings) take(r record) {
	sequence := r.sequence()
	c.last = max(c.last, sequence)
	if r.marked() {
		c.deleted.Insert(sequence)
	} else {
		c.stored.Insert(sequence)
	}
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
		return &DamagedError{Stream: filepath.Base(dir), File: file, Reason: "the configuration of the stream cannot be read: " + err.Error()}
	}
	sum, err := os.ReadFile(filepath.Join(dir, "meta.sum"))
	if err == nil && owned(filepath.Base(dir)) && string(sum) != hex.EncodeToString(sumOf(filepath.Base(dir), config)) {
		return &DamagedError{Stream: filepath.Base(dir), File: file, Reason: "the checksum of the stream's configuration is wrong"}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// owned reports whether a stream is one of the service's own, and its configuration nobody else's business.
func owned(stream string) bool {
	return slices.Contains([]string{Stream, IDStream, QuarantineStream, keysStream}, stream)
}
