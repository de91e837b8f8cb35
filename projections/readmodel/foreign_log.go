package readmodel

import (
	"log/slog"
	"time"

	"golang.org/x/time/rate"
)

// foreignLines is how many foreign messages a minute are logged one by one.
const foreignLines = 100

// foreignLog logs foreign messages, whose number other programs have in their hands: up to a limit each by itself, and what is
// above it, with the next line or at the end, by their number and the sequences that they lie between.
type foreignLog struct {
	log         *slog.Logger
	lines       *rate.Limiter
	messages    uint64 // not yet logged
	first, last uint64
}

func newForeignLog(log *slog.Logger) *foreignLog {
	return &foreignLog{log: log, lines: rate.NewLimiter(rate.Every(time.Minute/foreignLines), foreignLines)}
}

// skipped logs a foreign message.
func (l *foreignLog) skipped(sequence uint64, reason string) {
	if l.lines.Allow() {
		l.flush()
		l.log.Warn("foreign message skipped", "sequence", sequence, "reason", reason)
		return
	}
	if l.messages == 0 {
		l.first = sequence
	}
	l.messages++
	l.last = sequence
}

// flush logs what is not yet logged.
func (l *foreignLog) flush() {
	if l.messages > 0 {
		l.log.Warn("more foreign messages skipped", "messages", l.messages, "first", l.first, "last", l.last)
		l.messages = 0
	}
}
