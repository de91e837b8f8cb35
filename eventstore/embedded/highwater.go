package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"clients/eventstore/blockfile"
	"clients/eventstore/files"
)

// HighWater is a file beside the store that holds the sequence which the stream of events has reached. A store that comes
// back with less has lost acknowledged writes, which the store alone cannot show.
type HighWater struct {
	file     *os.File
	sequence atomic.Uint64
}

const highWaterFormat = "clients high-water mark v1: sequence %020d check %020d\n"

// highWaterCheck is the check number of a sequence, by which a damaged mark is recognized.
func highWaterCheck(sequence uint64) uint64 { return ^sequence * 0x9E3779B97F4A7C15 }

// openHighWater opens the mark at path. Where there is none, it begins one at last, the last sequence in the store. A damaged
// mark is a *blockfile.DamagedError, as it cannot say what is missing.
func openHighWater(path string, last uint64) (*HighWater, error) {
	if !exists(path) {
		if err := files.Replace(path, formatMark(last)); err != nil {
			return nil, fmt.Errorf("begin high-water mark: %w", err)
		}
	}
	sequence, err := readMark(path)
	if err != nil {
		return nil, fmt.Errorf("open high-water mark: %w; remove the file to check the store without it", err)
	}
	h := &HighWater{}
	if h.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("open high-water mark: %w", err)
	}
	h.sequence.Store(sequence)
	return h, nil
}

// readMark returns the mark at path, 0 where there is none.
func readMark(path string) (sequence uint64, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var check uint64
	_, err = fmt.Sscanf(string(content), highWaterFormat, &sequence, &check)
	if err != nil || check != highWaterCheck(sequence) {
		return 0, &blockfile.DamagedError{File: path, Reason: "the high-water mark is damaged"}
	}
	return sequence, nil
}

func formatMark(sequence uint64) []byte {
	return fmt.Appendf(nil, highWaterFormat, sequence, highWaterCheck(sequence))
}

// Sequence returns the highest sequence that the stream is known to have reached.
func (h *HighWater) Sequence() uint64 { return h.sequence.Load() }

// Advance moves the mark on to a sequence that is not below it. The write survives the end of the process at once, and a
// crash of the machine a little later: a mark that is behind is safe. So is a write that fails. It must not be called
// concurrently.
func (h *HighWater) Advance(sequence uint64) {
	if sequence <= h.sequence.Load() {
		return
	}
	h.sequence.Store(sequence)
	_, _ = h.file.WriteAt(formatMark(sequence), 0)
}

func (h *HighWater) close() error { return errors.Join(h.file.Sync(), h.file.Close()) }
