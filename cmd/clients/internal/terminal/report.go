package terminal

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nats-io/nats.go"
)

// hintError is an error with advice for the user.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// WithHint returns err with a hint: what the user can do about it. It returns nil if err is nil. If err has a hint
// already, that one, being closer to the cause, is reported.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// Report prints err to w: a line "error: …" for each of its lines, then "hint: …" if err has a hint.
func Report(w io.Writer, err error) {
	lines, hint := Text(err)
	for _, line := range lines {
		fmt.Fprintln(w, "error:", line)
	}
	if hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
}

// Readable returns text with secrets replaced, and with another wording where nats.go reports that there is no connection as a
// buffer that is full.
func Readable(text string) string {
	return strings.ReplaceAll(Redact(text), nats.ErrReconnectBufExceeded.Error(), "NATS cannot be reached")
}

// Text returns what Report prints: the lines of err, and its hint or "". Secrets are replaced in both.
func Text(err error) (lines []string, hint string) {
	lines = strings.Split(Readable(err.Error()), "\n")
	for found := new(hintError); errors.As(err, &found); err = found.error {
		hint = found.hint
	}
	return lines, Redact(hint)
}
