package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections"
)

// verifyReport writes what an audit finds, for people or, as JSON, for programs: there each line is an object with one
// member that says what the line is.
type verifyReport struct {
	out    io.Writer
	bar    *progress
	json   bool
	strays bool
	begun  time.Time
	err    error // of writing
}

func (v *verifyReport) line(kind string, object any, format string, args ...any) {
	v.bar.clear()
	var err error
	if v.json {
		err = json.NewEncoder(v.out).Encode(map[string]any{kind: object})
	} else {
		_, err = fmt.Fprintf(v.out, format+"\n", args...)
	}
	v.err = errors.Join(v.err, err)
}

func (v *verifyReport) fault(f projections.Fault) {
	object := map[string]any{"kind": f.Kind, "detail": f.Detail}
	where := ""
	if f.First != 0 {
		object["sequence"], object["last"] = f.First, f.Last
		where = fmt.Sprintf("sequence %d: ", f.First)
	}
	if f.First < f.Last {
		where = fmt.Sprintf("sequences %d to %d: ", f.First, f.Last)
	}
	v.line("fault", object, "%s%s: %s", where, f.Kind, f.Detail)
}

func (v *verifyReport) stray(r eventstore.Record) {
	if v.strays {
		v.line("stray", map[string]any{"sequence": r.Sequence, "subject": r.Subject, "reason": r.Stray},
			"sequence %d: stray: %s: %s", r.Sequence, r.Subject, r.Stray)
	}
}

func (v *verifyReport) notice(text string) { v.line("notice", text, "notice: %s", text) }

func (v *verifyReport) summary(f projections.Findings) {
	took := time.Since(v.begun)
	if v.json {
		v.line("summary", map[string]any{
			"first": f.First, "last": f.Last, "messages": f.Messages, "accounts": f.Accounts, "clients": f.Clients, "deleted": f.Deleted,
			"types": f.Types, "facts": f.Facts, "repeated_facts": f.Repeats, "strays": f.Strays, "snapshots": f.Snapshots,
			"faults": f.Faults, "seconds": took.Seconds(),
		}, "")
		return
	}
	v.line("", nil, "messages   %d%s", f.Messages, between(f.First, f.Last))
	v.line("", nil, "clients    %d, and %d deleted, in %s", f.Clients, f.Deleted, domain.Counted(f.Accounts, "account"))
	for _, kind := range slices.Sorted(maps.Keys(f.Types)) {
		v.line("", nil, "           %d %s", f.Types[kind], kind)
	}
	v.line("", nil, "facts      %d, repeats among them %d", f.Facts, f.Repeats)
	v.line("", nil, "strays     %d", f.Strays)
	v.line("", nil, "snapshots  %d sound", f.Snapshots)
	v.line("", nil, "faults     %d", f.Faults)
	v.line("", nil, "duration   %s", took.Round(time.Millisecond))
}

// between says which sequences messages lie at.
func between(first, last uint64) string {
	switch {
	case last == 0:
		return ""
	case first > last:
		return fmt.Sprintf(", all up to sequence %d purged", last)
	case first == last:
		return fmt.Sprintf(", sequence %d", last)
	}
	return fmt.Sprintf(", sequences %d to %d", first, last)
}
