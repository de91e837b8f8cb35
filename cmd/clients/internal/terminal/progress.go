package terminal

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"
	"golang.org/x/time/rate"
)

// Progress shows how much is done, in one line of a terminal. Its methods may be called concurrently.
type Progress struct {
	w     io.Writer
	whole string // of what
	bytes atomic.Uint64
	shown rate.Sometimes
}

// redrawInterval is how often the line is written at most.
const redrawInterval = 100 * time.Millisecond

// NewProgress returns a Progress on w for total steps, or for an unknown number if total is 0; unit is what is counted, in the
// plural. It shows nothing where w is no terminal.
func NewProgress(w io.Writer, total uint64, unit string) *Progress {
	p := &Progress{w: io.Discard, whole: unit, shown: rate.Sometimes{Interval: redrawInterval}}
	if IsTerminal(w) {
		p.w = w
	}
	if total > 0 {
		p.whole = fmt.Sprintf("of %d %s", total, unit)
	}
	return p
}

// Set shows how many steps are done.
func (p *Progress) Set(done uint64) {
	p.shown.Do(func() { fmt.Fprintf(p.w, "\r%d %s", done, p.whole) })
}

// Clear removes the line, so that another one can be written. The next step writes it again.
func (p *Progress) Clear() { fmt.Fprint(p.w, "\r\x1b[K") }

// Write shows bytes as steps that are done. It never fails.
func (p *Progress) Write(b []byte) (int, error) {
	p.Set(p.bytes.Add(uint64(len(b))))
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
