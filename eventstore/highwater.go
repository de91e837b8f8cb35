package eventstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// OpenHighWater opens the mark at path. Where there is none, or one whose writing was interrupted as earlier releases may
// have left it, it begins one at last, which is how far the store itself has come. Any other file that is not a sound mark
// is a *DamagedError: it cannot say what is missing.
func OpenHighWater(path string, last uint64, log *slog.Logger) (*HighWater, error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open high-water mark: %w", err)
	}
	missing := err != nil
	sequence, err := parseMark(content)
	switch {
	case missing || truncated(content):
		if !missing {
			log.Warn("high-water mark was truncated, begun again", "file", path, "size", len(content), "sequence", last)
		}
		if sequence, err = last, WriteFile(path, formatMark(last)); err != nil {
			return nil, fmt.Errorf("begin high-water mark: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("open high-water mark: %w; when it is removed, the store is looked through and a new one is made",
			&DamagedError{File: path, Reason: "the high-water mark is damaged"})
	}
	h := &HighWater{}
	if h.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("open high-water mark: %w", err)
	}
	h.sequence.Store(sequence)
	return h, nil
}

func formatMark(sequence uint64) []byte {
	return fmt.Appendf(nil, highWaterFormat, sequence, highWaterCheck(sequence))
}

func parseMark(content []byte) (sequence uint64, err error) {
	var check uint64
	if _, err = fmt.Sscanf(string(content), highWaterFormat, &sequence, &check); err == nil && check != highWaterCheck(sequence) {
		err = errors.New("wrong check")
	}
	return sequence, err
}

// truncated reports whether content is what an interrupted write of a mark leaves: the beginning of one, or zeros.
func truncated(content []byte) bool {
	content = bytes.TrimRight(content, "\x00")
	whole := formatMark(0)
	if len(content) >= len(whole) {
		return false
	}
	for i, c := range content {
		digit := '0' <= c && c <= '9' && '0' <= whole[i] && whole[i] <= '9'
		if c != whole[i] && !digit {
			return false
		}
	}
	return true
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
	_, err := h.file.WriteAt(formatMark(sequence), 0)
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
