package eventstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// inspect reads the store of a server that is not running, and changes nothing. It must come before the server does,
// which cuts a file off at the first message that it cannot read, and goes on with what is left.
//
// It answers the last sequence of the stream of events, 0 for a store that is not there yet, or else, for the first fault,
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
	i := &inspection{strict: strict, fault: func(err error) error { return err }}
	if err := i.store(storeDir); err != nil {
		return 0, err
	}
	return i.events.last, i.events.check()
}

// inspection is one look at a store. Of what is nil nobody wants to know.
type inspection struct {
	strict bool // the last message of a stream must not be cut short
	unpack bool // compressed blocks are read, too
	// fault is given each fault, as it is met. The inspection goes on when it answers none.
	fault func(error) error
	// read is told how many bytes have been read. The inspection ends with its error.
	read func(bytes int) error
	// found is given what was found of a stream, message each sound message that was not overwritten.
	found   func(stream string, c *findings)
	message func(stream string, b *block, at int, r record)

	events *findings // of the stream of events
}

// store looks at all streams.
func (i *inspection) store(storeDir string) error {
	dir := streamsDir(storeDir)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("inspect the store: %w", err)
	}
	i.events = &findings{msgs: messagesDir(filepath.Join(dir, Stream))}
	for _, entry := range entries {
		if entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue // the server removes the latter: it was deleted
		}
		found, err := i.stream(filepath.Join(dir, entry.Name()))
		if err != nil {
			return fmt.Errorf("inspect stream %s: %w", entry.Name(), err)
		}
		if entry.Name() == Stream {
			i.events = found
		}
		if i.found != nil {
			i.found(entry.Name(), found)
		}
	}
	return nil
}

// streamsDir is the folder of the streams in a server's store.
func streamsDir(storeDir string) string { return filepath.Join(storeDir, "jetstream", "$G", "streams") }

// findings are what the blocks of a stream were found to hold.
type findings struct {
	msgs    string // the folder of the blocks
	last    uint64
	stored  avl.SequenceSet // sequences of messages, deleted ones among them
	deleted avl.SequenceSet // sequences of which a record says that they were deleted
	opaque  bool            // some blocks were not read
	torn    *DamagedError   // of the message at the very end, when it is cut short
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
