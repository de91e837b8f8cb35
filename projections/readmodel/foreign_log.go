package readmodel

import (
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	foreignLines   = 100              // foreign messages a minute that are logged one by one
	foreignSummary = 10 * time.Second // how long the others are counted, at most, before a line about them
)

// foreignLog logs foreign messages, whose number other programs have in their hands: up to a limit each by itself, and what is
// above it by their number and the sequences that they lie between.
type foreignLog struct {
	log   *slog.Logger
	lines *rate.Limiter
	every time.Duration

	mu          sync.Mutex
	messages    uint64 // not yet logged
	first, last uint64
	summary     *time.Timer // nil if messages is 0
}

func newForeignLog(log *slog.Logger) *foreignLog {
	return &foreignLog{log: log, lines: rate.NewLimiter(rate.Every(time.Minute/foreignLines), foreignLines), every: foreignSummary}
}

// skipped logs a foreign message.
func (l *foreignLog) skipped(sequence uint64, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages == 0 {
		if l.lines.Allow() {
			l.log.Warn("foreign message skipped", "sequence", sequence, "reason", reason)
			return
		}
		l.first = sequence
		l.summary = time.AfterFunc(l.every, l.flush)
	}
	l.messages++
	l.last = sequence
}

// flush logs what is not yet logged.
func (l *foreignLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages == 0 {
		return
	}
	l.log.Warn("more foreign messages skipped", "messages", l.messages, "first", l.first, "last", l.last)
	l.summary.Stop()
	l.messages, l.summary = 0, nil
}
