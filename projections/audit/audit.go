// Package audit re-reads everything that is stored and reports what is not as the service stored it. The subcommand
// verify and the background scrub use it.
//
//	history.History -> auditor.record -> readmodel.Model       the rules of the read model, continuing after a fault
//	                   -> Fault                                each reported once, in the order of the stream
//
// An Audit reads the stream once. It reports messages that are missing, cannot be read, or contradict others, and snapshots that
// cannot be read, or whose digest is not that of the model at their sequence. It does not say how such a snapshot differs. It does
// not read idempotency keys, dead letters and the counter of ids. The counter cannot do harm: a service gives out no id at or below
// the highest one in the stream.
//
// A Scrub reads the stream of a running service, at a low rate and in bounded memory: in each pass it folds one part of the
// clients, projects and invoices, and compares it with what the service has folded. With several servers, each pass reads
// the copy of another one. A fault counts only when a second round of passes finds it again, because a server that lags
// is no fault.
//
// An event with a version that its client already has is foreign, and no fault: the first one counts. Nor is a message that was
// removed, if the stream has a record of that. A snapshot that is older than an erasure is not compared: what it was made of
// cannot be read any more.
//
// What an audit does not find: an event that was replaced by another valid one with the same version and a correct
// checksum, before any snapshot or any process that is still running has seen the first one.
package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Audit reads all that is stored, by the rules by which a readmodel.Directory folds it, and continues after faults.
type Audit struct {
	History *history.History
	// Bucket has the Snapshots, which were listed before the history was opened: one that was taken behind the end of the
	// history shows that the stream has lost its end.
	Bucket    *snapshotstore.Bucket
	Snapshots []snapshotstore.Snapshot
	Fault     func(Fault)
	// Foreign is called with each foreign message: any publisher may store one.
	Foreign func(eventstore.Record)
	// Reached is called with how many messages of the history were read.
	Reached func(messages uint64)
}

// Fault is something that is not as the service stored it.
type Fault struct {
	First, Last uint64 // sequences that it is about: one, but for messages that are missing; 0 for none
	Kind        FaultKind
	Detail      string
	client      int64 // that differs
}

// Where returns which messages a fault is about, followed by a colon, or "".
func (f Fault) Where() string {
	switch {
	case f.First < f.Last:
		return fmt.Sprintf("sequences %d to %d: ", f.First, f.Last)
	case f.First > 0:
		return fmt.Sprintf("sequence %d: ", f.First)
	}
	return ""
}

// FaultKind is a kind of fault.
type FaultKind string

// The kinds of faults.
const (
	FaultMissing     FaultKind = "missing"      // messages are gone from within the stream, or from its end
	FaultCorrupt     FaultKind = "corrupt"      // an envelope of the service, but not what was stored
	FaultUnknownType FaultKind = "unknown-type" // only a newer release can read it
	FaultOrder       FaultKind = "order"        // neither the next event of its client nor one that it has
	FaultTwoAccounts FaultKind = "two-accounts" // an id that is another account's
	FaultSnapshot    FaultKind = "snapshot"     // it cannot be read, or is not what the stream gives
	FaultCopy        FaultKind = "copy"         // one server's copy of the stream lacks what the others have
	FaultDiffers     FaultKind = "differs"      // what a running service returns is not what the stream gives
	FaultReferences  FaultKind = "references"   // nor is what it knows of a project or an invoice
)

// Findings are what an audit has counted.
type Findings struct {
	First, Last uint64 // sequences that were read
	Messages    uint64
	Accounts    int
	Clients     int // that exist at the last sequence
	Deleted     int
	Types       map[string]uint64 // events and reference events by their type
	References  uint64            // reference events
	Duplicates  uint64            // reference events that change nothing: see domain.ReferenceEvent
	Foreign     uint64
	Erased      uint64               // messages that were removed by erasures
	Skipped     uint64               // messages that were removed because they could not be read
	Unfinished  []eventstore.Removal // erasures that are not done
	Snapshots   int                  // that are what the stream gives
	Faults      uint64
}

// Run audits. An error means that not everything could be read; the faults found before are still valid.
func (a *Audit) Run(ctx context.Context) (Findings, error) {
	n := newAuditor(a)
	if err := n.readSnapshots(ctx); err != nil {
		return n.findings, err
	}
	n.begin()
	if err := n.read(ctx); err != nil {
		return n.findings, err
	}
	n.end()
	return n.findings, nil
}

// auditor is one audit under way.
type auditor struct {
	*Audit
	findings Findings
	model    *readmodel.Model // of what could be read
	// Clients, projects and invoices are split by their ids into parts, of which one is folded. A scrub takes one after the
	// other, so that it never holds all of them.
	part, parts int64
	snapshots   []*snapshotCheck // those not reached yet, in order
}

func newAuditor(a *Audit) *auditor {
	return &auditor{
		Audit: a, parts: 1, model: readmodel.NewModel(),
		findings: Findings{First: a.History.First, Last: a.History.Last, Types: make(map[string]uint64)},
	}
}

// begin checks where the stream begins.
func (n *auditor) begin() {
	if first := n.History.First; first > 1 {
		n.missing(1, first-1)
	}
}

// read handles all messages of the history.
func (n *auditor) read(ctx context.Context) error {
	for r, err := range n.History.Records(ctx) {
		if !n.record(r, err) {
			return err
		}
		n.Reached(n.model.Sequence + 1 - n.History.First)
	}
	return ctx.Err()
}

// record handles a message, with what is wrong with it. It returns false for an error that is no fault.
func (n *auditor) record(r eventstore.Record, err error) bool {
	var missing *eventstore.MissingError
	var corrupt *eventstore.CorruptError
	var unknown *eventstore.UnknownEventError
	switch {
	case errors.As(err, &missing):
		n.missing(missing.First, missing.Last)
		return true
	case errors.As(err, &corrupt):
		n.fault(faultAt(r, FaultCorrupt, r.Subject+": "+corrupt.Reason))
	case errors.As(err, &unknown):
		n.fault(faultAt(r, FaultUnknownType, r.Subject+": "+unknown.Type+": it takes a newer release to read it"))
	case err != nil:
		return false
	default:
		n.fold(&r)
	}
	n.count(r)
	n.pass(r.Sequence, r.StoredAt)
	return true
}

// fold folds a message that could be read, as far as it belongs to the part.
func (n *auditor) fold(r *eventstore.Record) {
	switch {
	case r.Reference != nil:
		n.reference(*r.Reference)
	case r.Removal != nil:
	case !n.folds(r.ClientID):
		if r.Event != nil || r.Type != "" {
			n.model.Tick(*r)
		}
	default:
		var wrong *eventstore.CorruptError
		if errors.As(n.model.Fold(r), &wrong) {
			n.contradicts(*r, wrong.Reason)
		}
	}
}

// reference folds a reference event. One that is not of the part counts for the position alone.
func (n *auditor) reference(event domain.ReferenceEvent) {
	n.findings.References++
	if !n.folds(event.ID) {
		event.Kind = domain.NoReference
	}
	if !n.model.References.Fold(&event) {
		n.findings.Duplicates++
	}
}

// count counts a message that was handled.
func (n *auditor) count(r eventstore.Record) {
	switch {
	case r.Removed && r.ClientID == 0:
		n.findings.Skipped++
		return
	case r.Removed:
		n.findings.Erased++
		return
	case r.Foreign != "":
		n.findings.Foreign++
		n.Foreign(r)
	case r.Type != "":
		n.findings.Types[r.Type]++
	}
	n.findings.Messages++
}

// folds reports whether a client, project or invoice is of the part that is folded.
func (n *auditor) folds(id int64) bool { return id%n.parts == n.part }

// missing reports the messages of a gap.
func (n *auditor) missing(first, last uint64) {
	n.fault(Fault{First: first, Last: last, Kind: FaultMissing, Detail: domain.Counted(int(last-first+1), "message") + " gone"})
	n.pass(last, time.Time{})
}

// pass moves on to a sequence; a missing message has no time.
func (n *auditor) pass(sequence uint64, storedAt time.Time) {
	n.model.Sequence, n.model.StoredAt = sequence, storedAt
	n.checkSnapshots(sequence)
}

func (n *auditor) end() {
	n.checkSnapshots(math.MaxUint64)
	for _, r := range n.History.Removals.Unfinished() {
		n.findings.Unfinished = append(n.findings.Unfinished, *r.Removal)
	}
	n.findings.Clients, n.findings.Deleted, n.findings.Accounts = n.model.Len(), n.model.Deleted.Size(), n.model.AccountCount()
}

func (n *auditor) fault(f Fault) {
	n.findings.Faults++
	n.Fault(f)
}
