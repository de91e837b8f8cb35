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
	total uint64
	begun time.Time
	drawn time.Time
	shown bool
}

// newProgress makes a bar for so many steps.
func newProgress(w io.Writer, total uint64) *progress {
	p := &progress{total: total, begun: time.Now()}
	if file, isFile := w.(*os.File); isFile && term.IsTerminal(int(file.Fd())) {
		p.w = w
	}
	return p
}

// How wide the bar is, and how often it is drawn at most.
const (
	progressWidth = 40
	progressPause = 100 * time.Millisecond
)

// reach shows how many steps are done, of which there may be very many.
func (p *progress) reach(done uint64) {
	if p.w == nil || done%64 != 0 && done < p.total {
		return
	}
	now := time.Now()
	if now.Sub(p.drawn) < progressPause && done < p.total {
		return
	}
	p.drawn, p.shown = now, true
	share := float64(done) / float64(max(p.total, 1))
	full := int(share * progressWidth)
	rate := float64(done) / max(now.Sub(p.begun).Seconds(), 0.001)
	left := time.Duration(float64(p.total-done) / max(rate, 1) * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(p.w, "\r\x1b[K%3.0f%% [%s%s] %d/%d  %.0f/s  %s left", 100*share,
		strings.Repeat("=", full), strings.Repeat(" ", progressWidth-full), done, p.total, rate, left)
}

// clear takes the bar away, so that a line can be written. The next step draws it again.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown, p.drawn = false, time.Time{}
	}
}
