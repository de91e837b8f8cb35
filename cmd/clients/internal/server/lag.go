package server

import (
	"sync"
	"time"
)

// lag is how far, and for how long, something that is shown is behind a stream. It knows of the stream what it was told,
// so it is 0 where nobody knows of more: while a stream does not answer, it grows only if it had been there before.
type lag struct {
	mu    sync.Mutex
	marks []mark // what is not shown yet, the oldest first
}

// mark is a moment at which a stream was found to have grown.
type mark struct {
	sequence uint64
	found    time.Time
}

// maxMarks bounds what is remembered: beyond, the newest mark stands for all that comes.
const maxMarks = 4096

// found takes note of a stream's last sequence. One that has gone back holds no more than that.
func (l *lag) found(last uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.marks)
	for n > 0 && l.marks[n-1].sequence >= last {
		n--
	}
	if n < len(l.marks) {
		now = l.marks[n].found // it has been known to reach as far since then
	}
	l.marks = l.marks[:n]
	if n == maxMarks {
		l.marks[n-1].sequence = last
		return
	}
	l.marks = append(l.marks, mark{last, now})
}

// forget starts anew: there is another stream, or none.
func (l *lag) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks = nil
}

// behind answers how many messages are not shown while all up to shown are, and for how long the first of them has been
// known.
func (l *lag) behind(shown uint64, now time.Time) (messages uint64, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.marks) > 0 && l.marks[0].sequence <= shown {
		l.marks = l.marks[1:]
	}
	if len(l.marks) == 0 {
		return 0, 0
	}
	return l.marks[len(l.marks)-1].sequence - shown, now.Sub(l.marks[0].found)
}
