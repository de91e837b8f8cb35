package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/blockfile"
	"clients/projections/audit"
)

// Report writes what an audit finds, as text or as JSON lines: each an object with one member, whose name says what it is.
type Report struct {
	Out    io.Writer
	Bars   io.Writer // for progress
	JSON   bool
	Strays bool // list foreign messages

	bar     *terminal.Progress
	begun   time.Time
	damaged uint64 // faults of files
	err     error  // of writing
	stop    func() // ends the audit
}

func (v *Report) line(kind string, object any, format string, args ...any) {
	if v.bar != nil {
		v.bar.Clear()
	}
	var err error
	if v.JSON {
		err = json.NewEncoder(v.Out).Encode(map[string]any{kind: object})
	} else {
		_, err = fmt.Fprintf(v.Out, format+"\n", args...)
	}
	v.err = cmp.Or(v.err, err)
	if v.err != nil && v.stop != nil {
		v.stop()
	}
}

func (v *Report) fault(f audit.Fault) {
	object := map[string]any{"kind": f.Kind, "detail": f.Detail}
	if f.First != 0 {
		object["sequence"], object["last"] = f.First, f.Last
	}
	v.line("fault", object, "%s%s: %s", f.Where(), f.Kind, f.Detail)
}

// damage reports a fault of a file.
func (v *Report) damage(found error) {
	v.damaged++
	var damaged *blockfile.DamagedError
	if !errors.As(found, &damaged) {
		v.line("fault", map[string]any{"kind": "damaged", "detail": found.Error()}, "damaged: %s", found)
		return
	}
	v.line("fault", map[string]any{"kind": "damaged", "detail": damaged.Reason, "file": damaged.File, "offset": damaged.Offset},
		"damaged: %s at byte %d: %s", damaged.File, damaged.Offset, damaged.Reason)
}

func (v *Report) stray(r eventstore.Record) {
	if v.Strays {
		v.line("stray", map[string]any{"sequence": r.Sequence, "subject": r.Subject, "reason": r.Foreign},
			"sequence %d: foreign message: %s: %s", r.Sequence, r.Subject, r.Foreign)
	}
}

func (v *Report) summary(f audit.Findings) {
	took := time.Since(v.begun)
	for _, r := range f.Unfinished {
		v.line("note", map[string]any{"unfinished_erasure": r.ClientID, "account": r.Account},
			"note: the erasure of client %[1]d is not complete: run clients erase %[1]d --account %[2]s", r.ClientID, r.Account)
	}
	if v.JSON {
		v.line("summary", map[string]any{
			"first": f.First, "last": f.Last, "messages": f.Messages, "accounts": f.Accounts, "clients": f.Clients, "deleted": f.Deleted,
			"types": f.Types, "facts": f.References, "repeated_facts": f.Duplicates, "strays": f.Foreign, "erased": f.Erased, "skipped": f.Skipped, "snapshots": f.Snapshots,
			"faults": f.Faults, "seconds": took.Seconds(),
		}, "")
		return
	}
	v.line("", nil, "messages   %d, sequences %d to %d", f.Messages, f.First, f.Last)
	v.line("", nil, "clients    %d, and %d deleted, in %s", f.Clients, f.Deleted, domain.Counted(f.Accounts, "account"))
	for _, kind := range slices.Sorted(maps.Keys(f.Types)) {
		v.line("", nil, "           %d %s", f.Types[kind], kind)
	}
	v.line("", nil, "references %d, duplicates among them %d", f.References, f.Duplicates)
	v.line("", nil, "foreign    %d", f.Foreign)
	v.line("", nil, "removed    %d by erasures, %d by skips", f.Erased, f.Skipped)
	v.line("", nil, "snapshots  %d valid", f.Snapshots)
	v.line("", nil, "faults     %d", f.Faults)
	v.line("", nil, "duration   %s", took.Round(time.Millisecond))
}
