package projections

import (
	"errors"
	"fmt"

	"clients/domain"
	"clients/eventstore"
)

// event judges an event, and takes it in even so: what comes behind a fault is to be held against it, and not to be a
// fault for the same reason once more.
func (n *auditor) event(r eventstore.Record) {
	a, old := n.d.find(r)
	var before domain.Client
	if old != nil {
		before = old.Client
	}
	n.countID(r)
	owner, seen := n.owners[r.ClientID]
	_, ended := n.d.deleted[r.ClientID]
	switch {
	case seen && owner != r.Account:
		if old == nil {
			n.fault(faultAt(r, FaultTwoAccounts, fmt.Sprintf("client %d of account %s has the id of a client of account %s", r.ClientID, r.Account, owner)))
		}
	case !n.excused(before, ended, r):
		var wrong *eventstore.CorruptError
		if errors.As(n.d.continues(before, r), &wrong) {
			n.fault(faultAt(r, FaultOrder, wrong.Reason))
		}
	}
	if !seen {
		n.owners[r.ClientID] = r.Account
	}
	delete(n.doubts, r.ClientID)
	if ended && owner == r.Account {
		return
	}
	if _, deletion := r.Event.(domain.ClientDeleted); deletion && old == nil {
		n.d.deleted[r.ClientID] = struct{}{}
		return
	}
	if _, creation := r.Event.(domain.ClientCreated); !creation {
		before.ID = r.ClientID // though its creation was not read
	}
	r.Version = max(r.Version, before.Revision.Version)
	n.d.take(a, old, before, r)
}

// excused tells whether an event could be the next one of its client if what could not be read, or was purged, had been
// read.
func (n *auditor) excused(before domain.Client, ended bool, r eventstore.Record) bool {
	if doubts := n.doubts[r.ClientID]; doubts > 0 && !ended {
		return r.Version > before.Revision.Version && r.Version <= before.Revision.Version+doubts+1
	}
	_, creation := r.Event.(domain.ClientCreated)
	_, seen := n.owners[r.ClientID]
	return n.History.First > 1 && !seen && !creation && r.Version > 1
}

// unreadable tells of a message that is ours and cannot be read.
func (n *auditor) unreadable(r eventstore.Record, f Fault) {
	if r.Subject != "" {
		f.Detail = r.Subject + ": " + f.Detail
	}
	n.fault(f)
	if r.ClientID != 0 {
		n.doubts[r.ClientID]++
	}
}

// damage is a fault of a file.
func damage(d *eventstore.DamagedError) Fault {
	f := Fault{First: d.Sequence, Last: d.Sequence, Kind: FaultDamaged, Detail: d.Reason, Stream: d.Stream, File: d.File, Offset: d.Offset}
	if d.Stream == eventstore.Stream {
		f.Stream = ""
	}
	return f
}

// countID holds an id against the counter that it must have come from.
func (n *auditor) countID(r eventstore.Record) {
	if _, seen := n.owners[r.ClientID]; seen || r.ClientID <= n.History.Counter {
		return
	}
	n.aboves++
	if r.ClientID > n.above {
		n.above, n.aboveAt = r.ClientID, r.Sequence
	}
}

func faultAt(r eventstore.Record, kind FaultKind, detail string) Fault {
	return Fault{First: r.Sequence, Last: r.Sequence, Kind: kind, Detail: detail}
}
