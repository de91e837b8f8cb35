package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"golang.org/x/time/rate"
)

// Progress is a progress bar, which is drawn only on a terminal. Its methods may be called concurrently.
type Progress struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

// Unit is what a progress bar counts.
type Unit string

// The units of the subcommands.
const (
	Messages Unit = "messages"
	Bytes    Unit = "bytes"
)

// redrawInterval is how often a bar is drawn at most.
const redrawInterval = 100 * time.Millisecond

// NewProgress returns a progress bar on w for total steps, or for an unknown number if total is 0.
func NewProgress(w io.Writer, total uint64, unit Unit) *Progress {
	steps := int64(total)
	if total == 0 {
		steps = -1
	}
	return &Progress{bar: progressbar.NewOptions64(steps,
		progressbar.OptionSetVisibility(IsTerminal(w)),
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(40),
		progressbar.OptionThrottle(redrawInterval),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(string(unit)),
		progressbar.OptionShowBytes(unit == Bytes),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// Set shows how many steps are done.
func (p *Progress) Set(done uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.bar.Set64(int64(done))
}

// Clear removes the bar, so that a line can be written. The next step draws it again.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.bar.Clear()
}

// Write shows bytes as steps that are done. It never fails.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.bar.Write(b)
	return len(b), nil
}

// ProgressLines returns a function that writes what is going on as a line to w, at most one a second.
func ProgressLines(w io.Writer) func(what string) {
	shown := rate.Sometimes{Interval: time.Second}
	return func(what string) { shown.Do(func() { fmt.Fprintln(w, what) }) }
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}
