package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// Audit looks through all that is stored, by the rules by which a Directory folds it, and goes on after faults.
type Audit struct {
	History *eventstore.History
	// Excused are the messages that may be missing.
	Excused eventstore.Excused
	Fault   func(Fault)
	// Stray is given each message that is no event of ours: anybody may have put it there.
	Stray func(eventstore.Record)
	// Notice is given what is no fault and yet good to know.
	Notice func(string)
	// Stage is told of each stage of the audit how long it is, and in what. It answers what is told how much is done.
	Stage func(of Unit, total uint64) (reached func(done uint64))
}

// Unit is what a stage of an audit is counted in.
type Unit string

// The units.
const (
	InMessages Unit = "messages"
	InBytes    Unit = "bytes"
)

// Fault is something that is not as the service has left it. Those with a sequence of the stream of events are told in
// its order.
type Fault struct {
	First, Last uint64 // sequences that it is about: one, but for messages that are missing; 0 for none
	Kind        FaultKind
	Detail      string
	Stream      string // whose sequences they are; "" for the stream of events
	File        string // that is damaged, and where; "" where that is not known
	Offset      int64
	client      int64 // that differs
}

// FaultKind is one of few.
type FaultKind string

// The kinds of faults.
const (
	FaultMissing     FaultKind = "missing"      // messages are gone from within the stream, or from its end
	FaultCorrupt     FaultKind = "corrupt"      // our envelope, and not what was stored
	FaultUnknownType FaultKind = "unknown-type" // only a newer release can read it
	FaultOrder       FaultKind = "order"        // not the next event of its client
	FaultTwoAccounts FaultKind = "two-accounts" // an id that is another account's
	FaultCounter     FaultKind = "counter"      // the counter of ids is behind the ids in use
	FaultDamaged     FaultKind = "damaged"      // a file of a server that is not running is not what was written
	FaultReservation FaultKind = "reservation"  // of an idempotency key: it cannot be read, or answers what the stream does not say
	FaultQuarantine  FaultKind = "quarantine"   // a message without what is stored with it
	FaultSnapshot    FaultKind = "snapshot"     // it cannot be read, or is not what the stream gives
	FaultCopy        FaultKind = "copy"         // one server's copy of the stream lacks what the others have
	FaultDiffers     FaultKind = "differs"      // what a running service answers is not what the stream gives
	FaultReferences  FaultKind = "references"   // nor is what it knows of a project or an invoice
)

// Findings are what an audit has counted.
type Findings struct {
	First, Last uint64 // sequences that were looked through
	Messages    uint64
	Accounts    int
	Clients     int // that exist by the last sequence
	Deleted     int
	Types       map[string]uint64 // events and facts by their type
	Facts       uint64
	// Repeats are facts that say what is on record, as a replica that takes over from another may leave behind, or that do
	// not count: see domain.ReferenceEvent.
	Repeats           uint64
	Strays            uint64
	Keys, Quarantined uint64
	Snapshots         int // that are just what the stream gives
	Faults            uint64
}

// Run audits. An error tells that not everything could be read; what was found before stays found.
func (a *Audit) Run(ctx context.Context) (Findings, error) {
	h := a.History
	n := newAuditor(a)
	for _, notice := range h.Notices {
		a.Notice(notice)
	}
	for _, damaged := range h.Damage {
		n.fault(damage(damaged))
	}
	for _, read := range []func(context.Context) error{n.readSnapshots, n.readReservations, n.readQuarantine} {
		if err := read(ctx); err != nil {
			return n.findings, err
		}
	}
	n.beginning()
	reached := a.Stage(InMessages, h.Last-h.First+1)
	for r, err := range h.Records(ctx) {
		if !n.record(r, err) {
			return n.findings, err
		}
		reached(n.d.sequence + 1 - h.First)
	}
	n.end()
	return n.findings, nil
}

// auditor is one audit under way.
type auditor struct {
	*Audit
	findings  Findings
	d         *Directory                             // by what could be read
	intruders map[string]struct{}                    // subjects of clients whose ids are another account's
	doubts    map[int64]uint64                       // how many events in a row could not be read, by the ids of their clients
	answers   map[int64][]eventstore.HeldReservation // for events that have not been met, by the ids of their clients
	unread    bool                                   // something of the stream could not be read
	// Clients, projects and invoices are split by their ids into parts, of which one is folded. A scrub takes one after the
	// other, so that it never holds all of them.
	part, parts int64
	snapshot    []*snapshotCheck // those not reached yet, in order
	above       int64            // the highest id above the counter, 0 for none
	aboveAt     uint64
	aboves      uint64
}

func newAuditor(a *Audit) *auditor {
	h := a.History
	return &auditor{
		Audit: a, parts: 1, d: newDirectory(slog.New(slog.DiscardHandler)), intruders: make(map[string]struct{}), answers: make(map[int64][]eventstore.HeldReservation), doubts: make(map[int64]uint64),
		findings: Findings{First: h.First, Last: h.Last, Types: make(map[string]uint64)},
	}
}

// beginning looks at where the stream begins.
func (n *auditor) beginning() {
	if first := n.History.First; first > 1 {
		n.missing(&eventstore.MissingError{First: 1, Last: first - 1, Reason: "the stream begins behind them"})
	}
}

// record takes a message in, with what is wrong with it. It answers false for an error that is no fault.
func (n *auditor) record(r eventstore.Record, err error) bool {
	var missing *eventstore.MissingError
	var damaged *eventstore.DamagedError
	var corrupt *eventstore.CorruptError
	var unknown *eventstore.UnknownEventError
	switch {
	case errors.As(err, &missing):
		n.missing(missing)
		return true
	case errors.As(err, &damaged):
		n.unreadable(r, damage(damaged))
	case errors.As(err, &corrupt):
		n.unreadable(r, faultAt(r, FaultCorrupt, corrupt.Reason))
	case errors.As(err, &unknown):
		n.unreadable(r, faultAt(r, FaultUnknownType, fmt.Sprintf("%s: it takes a newer release to read it", unknown.Type)))
	case err != nil:
		return false
	case r.Foreign != "":
		n.findings.Strays++
		if n.Stray(r); n.folds(r.ClientID) {
			_ = n.d.foldOne(r) // which a stray never fails
		}
	case r.Reference != nil:
		n.findings.Facts++
		fact := *r.Reference
		if !n.folds(fact.ID) {
			fact.Kind = domain.NoReference // it only moves on
		}
		if !n.d.references.fold(&fact) {
			n.findings.Repeats++
		}
	case n.folds(r.ClientID):
		n.event(r)
	default:
		n.d.tick(r.StoredAt)
	}
	n.findings.Messages++
	if r.Type != "" {
		n.findings.Types[r.Type]++
	}
	n.pass(r.Sequence, r.StoredAt)
	return true
}

// folds reports whether a client, project or invoice is of the part that is folded.
func (n *auditor) folds(id int64) bool { return id%n.parts == n.part }

// missing reports the messages of a gap that are not excused.
func (n *auditor) missing(gap *eventstore.MissingError) {
	for first, last := range n.Excused.Rest(gap.First, gap.Last) {
		detail := domain.Counted(int(last-first+1), "message") + " gone"
		if gap.Reason != "" {
			detail += ": " + gap.Reason
		}
		n.unread = true
		n.fault(Fault{First: first, Last: last, Kind: FaultMissing, Detail: detail})
	}
	n.pass(gap.Last, time.Time{})
}

// pass moves on to a sequence that was looked at; what is missing has no time.
func (n *auditor) pass(sequence uint64, storedAt time.Time) {
	n.d.sequence, n.d.storedAt = sequence, storedAt
	n.checkSnapshots()
}

func (n *auditor) end() {
	n.checkRemainingSnapshots()
	n.checkRemainingAnswers()
	if n.aboves > 0 {
		stands := fmt.Sprintf("stands at %d", n.History.Counter)
		if !n.History.Counted {
			stands = "is gone"
		}
		n.fault(Fault{Kind: FaultCounter, Detail: fmt.Sprintf("the counter %s %s, below the ids of %s, up to %d at sequence %d: it was lost or set back, and ids may be handed out twice",
			eventstore.IDStream, stands, domain.Counted(int(n.aboves), "client"), n.above, n.aboveAt)})
	}
	n.findings.Clients, n.findings.Deleted, n.findings.Accounts = n.d.clients, n.d.deleted.size, len(n.d.accounts)
}

func (n *auditor) fault(f Fault) {
	n.findings.Faults++
	n.Fault(f)
}
