package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress draws a bar for long work, on a terminal only. What else is written to the terminal comes by way of clear.
type progress struct {
	w     io.Writer // nil where nobody looks
	unit  unit
	total uint64 // 0 where it is not known
	drawn time.Time
	shown bool
	full  bool
	now   func() time.Time
	marks []progressMark // one a second at most, the oldest first
}

// progressMark is how far the work had come at a moment.
type progressMark struct {
	at   time.Time
	done uint64
}

// unit is what is counted.
type unit string

const (
	inMessages unit = "messages"
	inBytes    unit = "bytes" // shown as MB
)

func (u unit) String() string {
	if u == inBytes {
		return "MB"
	}
	return string(u)
}

// amount is a number of them, as it is shown without the unit.
func (u unit) amount(n float64) string {
	if u == inBytes {
		return fmt.Sprintf("%.1f", n/1e6)
	}
	return fmt.Sprintf("%.0f", n)
}

// newProgress makes a bar for so many steps.
func newProgress(w io.Writer, total uint64, unit unit) *progress {
	p := &progress{total: total, unit: unit, now: time.Now}
	if isTerminal(w) {
		p.w = w
	}
	return p
}

// isTerminal tells whether somebody looks at what is written.
func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// How wide the bar is, how often it is drawn at most, and over how many seconds the rate is taken. What is left is told
// from one second on, and up to a limit beyond which it is a guess.
const (
	progressWidth  = 40
	progressPause  = 100 * time.Millisecond
	progressWindow = 15
	progressLeft   = 100 * time.Hour
)

// reach shows how many steps are done, of which there may be very many: it costs a look at the clock.
func (p *progress) reach(done uint64) {
	if p.w == nil {
		return
	}
	full := p.total > 0 && done >= p.total
	now := p.now()
	if p.mark(now, done); now.Sub(p.drawn) < progressPause && (!full || p.full) {
		return
	}
	p.drawn, p.shown, p.full = now, true, full
	if p.total == 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s %s%s", p.unit.amount(float64(done)), p.unit, p.pace(now, done))
		return
	}
	share := min(float64(done)/float64(p.total), 1)
	filled := int(share * progressWidth)
	fmt.Fprintf(p.w, "\r\x1b[K%3.0f%% [%s%s] %s/%s %s%s", 100*share, strings.Repeat("=", filled), strings.Repeat(" ", progressWidth-filled),
		p.unit.amount(float64(done)), p.unit.amount(float64(p.total)), p.unit, p.pace(now, done))
}

// mark notes how far the work has come. Work that does not begin at nothing is measured from where it begins.
func (p *progress) mark(now time.Time, done uint64) {
	if n := len(p.marks); n > 0 && now.Sub(p.marks[n-1].at) < time.Second {
		return
	}
	if p.marks = append(p.marks, progressMark{now, done}); len(p.marks) > progressWindow {
		p.marks = p.marks[1:]
	}
}

// pace is how fast it goes and what is left, as soon as there is a second to tell it by.
func (p *progress) pace(now time.Time, done uint64) string {
	oldest := p.marks[0]
	took := now.Sub(oldest.at).Seconds()
	if took < 1 || done <= oldest.done {
		return ""
	}
	rate := float64(done-oldest.done) / took
	told := fmt.Sprintf("  %s %s/s", p.unit.amount(rate), p.unit)
	if left := float64(p.total-min(done, p.total)) / rate; p.total > 0 && left < progressLeft.Seconds() {
		told += fmt.Sprintf("  %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
	}
	return told
}

// clear takes the bar away, so that a line can be written. The next step draws it again.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown, p.full, p.drawn = false, false, time.Time{}
	}
}

// countedReader tells how much has been read.
type countedReader struct {
	r     io.Reader
	reach func(uint64)
	read  uint64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += uint64(n)
	c.reach(c.read)
	return n, err
}
