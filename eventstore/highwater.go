package eventstore

import (
	"fmt"
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
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open high-water mark: %w", err)
	}
	h := &HighWater{file: file}
	content := make([]byte, 128)
	if n, _ := file.ReadAt(content, 0); n > 0 {
		var sequence, check uint64
		_, err := fmt.Sscanf(string(content[:n]), highWaterFormat, &sequence, &check)
		if err != nil || check != highWaterCheck(sequence) {
			file.Close()
			return nil, fmt.Errorf("open high-water mark: %s is damaged; remove it to start without it", path)
		}
		h.sequence.Store(sequence)
	}
	return h, nil
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
	_, _ = fmt.Fprintf(&at{h.file}, highWaterFormat, sequence, highWaterCheck(sequence))
}

// at writes to the beginning of a file.
type at struct{ *os.File }

func (a *at) Write(p []byte) (int, error) { return a.WriteAt(p, 0) }

// Close makes the mark outlive the machine, and closes it.
func (h *HighWater) Close() error {
	if err := h.file.Sync(); err != nil {
		return err
	}
	return h.file.Close()
}
