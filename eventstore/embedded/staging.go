package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clients/eventstore"
)

// staging is a folder in memory (tmpfs) for batches whose messages are independent of each other. The server writes a batch
// to a folder of its own before it adds it to the stream, and syncs that folder seven times, so that it can complete the
// batch when it was interrupted. Stage makes that folder a link into memory, where a sync costs nothing.
//
// After kill -9 the server completes such a batch as ever. After a power cut a part of it may be stored: its first messages.
// None of them was acknowledged, and no subscriber has seen one: consumers and direct gets of the server wait until a batch is synced.
// Only if that sync fails do consumers get messages that are not on disk for certain. The server logs that it failed to restore
// such a part until another message is stored.
//
// Without a link the server stages a batch on disk. When it starts it removes all links, also those of a copied directory, and
// so does that of an older release.
type staging struct {
	memory  string   // the folder in memory
	batches string   // where the server looks for its folders
	folders []string // names of those that were made and not removed, oldest first
}

const (
	defaultMemory = "/dev/shm"
	spareMemory   = 1 << 20 // left free
	largestStaged = 4 << 20 // of a larger batch each event costs little anyway
)

// newStaging returns the staging of a data directory once a server runs over it: the server may need what was staged before.
// It fails where memory is not in memory, or has no room.
func newStaging(dir, memory string) (s *staging, err error) {
	if err := requireMemory(memory, 0); err != nil {
		return nil, err
	}
	s = &staging{batches: filepath.Join(dir, storeName, "jetstream", streamsAccount, "streams", eventstore.Stream, "batches")}
	if s.memory, err = memoryFolder(memory, dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.memory); err != nil { // of a process that was killed
		return nil, err
	}
	return s, os.Mkdir(s.memory, 0o700)
}

// stage prepares for a batch of a size, which is sent next and with that id. If it fails the server stages the batch on disk.
// Two batches at most are in memory, the last one until the next but one or the end.
func (s *staging) stage(id string, size int) error {
	if size > largestStaged {
		return fmt.Errorf("a batch of %d bytes is too large to be staged in memory", size)
	}
	if err := requireMemory(s.memory, size); err != nil {
		return err
	}
	if len(s.folders) > 1 { // the server may still be about to remove the last one
		s.remove(s.folders[0])
		s.folders = s.folders[1:]
	}
	folder := folderOf(id)
	s.folders = append(s.folders, folder)
	staged := filepath.Join(s.memory, folder)
	if err := os.Mkdir(staged, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(s.batches, 0o750); err != nil && !errors.Is(err, fs.ErrExist) { // the stream may be gone
		return err
	}
	return os.Symlink(staged, filepath.Join(s.batches, folder))
}

// remove removes a folder, and the link to it, which the server leaves if it fails to store the batch.
func (s *staging) remove(folder string) {
	_ = os.Remove(filepath.Join(s.batches, folder))
	_ = os.RemoveAll(filepath.Join(s.memory, folder))
}

// close is called when the server has stopped.
func (s *staging) close() { _ = os.RemoveAll(s.memory) }

// folderOf is how the server names the folder of a batch.
func folderOf(id string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(id))
	name := sum[:8]
	for i, b := range name {
		name[i] = digits[int(b)%len(digits)]
	}
	return string(name)
}

// Stage prepares the server for a batch, see eventstore.Config. It must not be called concurrently.
func (s *Server) Stage(id string, size int) error {
	if s.staging == nil {
		return fmt.Errorf("stage a batch: %w", errors.ErrUnsupported)
	}
	return s.staging.stage(id, size)
}
