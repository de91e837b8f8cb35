package main

import (
	"io"
	"log/slog"
	"time"

	"clients/cmd/clients/internal/natsconn"
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

// readable turns a duration into a number of milliseconds, with the unit in its name, and an error into a text that says
// what an operator can act on.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		return slog.Float64(a.Key+"_ms", float64(a.Value.Duration().Round(time.Microsecond))/float64(time.Millisecond))
	case slog.KindAny:
		if err, isError := a.Value.Any().(error); isError {
			return slog.String(a.Key, natsconn.Readable(err).Error())
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
	for i, line := range lines {
		var attributes []any
		if hint != "" && i == len(lines)-1 {
			attributes = []any{"hint", hint}
		}
		log.With("error", line).Error("failed", attributes...)
	}
}
