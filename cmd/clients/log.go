package main

import (
	"io"
	"log/slog"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"
)

// Values of CLIENTS_LOG_FORMAT.
const (
	logText = "text"
	logJSON = "json"
	logAuto = "auto" // text on a terminal, otherwise JSON
)

// newLog returns a log that writes to w in a format.
func newLog(format string, level slog.Level, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	if format == logText || format == logAuto && terminal.IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// readable turns a duration into a number of milliseconds, with the unit in its name, and an error into a text, with its hint
// beside it.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		return slog.Float64(a.Key+"_ms", float64(a.Value.Duration().Round(time.Microsecond))/float64(time.Millisecond))
	case slog.KindAny:
		if err, isError := a.Value.Any().(error); isError {
			lines, hint := terminal.Text(err)
			text := slog.String(a.Key, strings.Join(lines, "\n"))
			if hint != "" {
				return slog.GroupAttrs("", text, slog.String("hint", hint))
			}
			return text
		}
	}
	return a
}

// report prints the error that ends a command: as lines of the log if everything that the command writes has to be JSON.
func report(w io.Writer, err error, asJSON bool) {
	if !asJSON {
		terminal.Report(w, err)
		return
	}
	log := newLog(logJSON, slog.LevelInfo, w)
	lines, hint := terminal.Text(err)
	if hint != "" {
		log = log.With("hint", hint)
	}
	for _, line := range lines {
		log.Error("failed", "error", line)
	}
}
