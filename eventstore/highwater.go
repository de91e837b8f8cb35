package eventstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

// HighWater is a file beside an embedded server's store that holds the sequence which its stream had reached. A store
// that comes back with less has lost answered writes, which no look at the store alone can show.
type HighWater struct {
	file     *os.File
	sequence atomic.Uint64
}

const highWaterFormat = "clients high-water mark v1: sequence %020d check %020d\n"

// highWaterCheck makes a torn or edited file tell itself from a sound one.
func highWaterCheck(sequence uint64) uint64 { return ^sequence * 0x9E3779B97F4A7C15 }

// OpenHighWater opens the mark at path, or begins one at 0. A file that is not a sound mark is an error: it cannot
// say what is missing.
func OpenHighWater(path string) (*HighWater, error) {
	_, err := os.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open high-water mark: %w", err)
	}
	h := &HighWater{file: file}
	if fresh {
		return h, h.write(0)
	}
	sequence, err := readMark(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open high-water mark: %w; when it is removed, the store is looked through and a new one is made", err)
	}
	h.sequence.Store(sequence)
	return h, nil
}

// readMark answers a *DamagedError for a file that is not a sound mark.
func readMark(file *os.File) (uint64, error) {
	content := make([]byte, 128)
	n, _ := file.ReadAt(content, 0)
	var sequence, check uint64
	if _, err := fmt.Sscanf(string(content[:n]), highWaterFormat, &sequence, &check); err != nil || check != highWaterCheck(sequence) {
		return 0, &DamagedError{File: file.Name(), Reason: "the high-water mark is damaged"}
	}
	return sequence, nil
}

// Sequence is the highest sequence that the stream is known to have reached.
func (h *HighWater) Sequence() uint64 { return h.sequence.Load() }

// advance moves the mark on. The write goes to the operating system, so that it outlives this process at once, and the
// machine a little later: a mark that is behind is safe. A write that fails leaves it behind, too.
func (h *HighWater) advance(sequence uint64) {
	if h == nil || sequence <= h.sequence.Load() {
		return
	}
	h.sequence.Store(sequence)
	_ = h.write(sequence)
}

func (h *HighWater) write(sequence uint64) error {
	_, err := h.file.WriteAt(fmt.Appendf(nil, highWaterFormat, sequence, highWaterCheck(sequence)), 0)
	return err
}

// check refuses a stream that ends before the mark.
func (h *HighWater) check(last uint64) error {
	if reached := h.Sequence(); last < reached {
		return fmt.Errorf("%w: it had reached %d and now ends at %d", ErrWentBackwards, reached, last)
	}
	return nil
}

// Close makes the mark outlive the machine, and closes it.
func (h *HighWater) Close() error {
	if err := h.file.Sync(); err != nil {
		return err
	}
	return h.file.Close()
}
