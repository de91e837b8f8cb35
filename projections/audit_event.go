package projections

import (
	"errors"

	"clients/domain"
	"clients/eventstore"
)

// event judges an event, and takes it in even so: what comes behind a fault is to be held against it, and not to be a
// fault for the same reason once more. Only of a client whose id is another account's no event is taken in, and the first
// one is told.
func (n *auditor) event(r eventstore.Record) {
	n.checkAnswers(r)
	var wrong *eventstore.CorruptError
	if errors.As(n.d.owned(r), &wrong) {
		if _, told := n.intruders[r.Subject]; !told {
			n.intruders[r.Subject] = struct{}{}
			n.fault(faultAt(r, FaultTwoAccounts, wrong.Reason))
		}
		return
	}
	before := n.d.before(r)
	ended := n.d.deleted.has(r.ClientID)
	n.countID(r)
	if !n.excused(before, ended, r) && errors.As(n.d.continues(before, r), &wrong) {
		n.fault(faultAt(r, FaultOrder, wrong.Reason))
	}
	delete(n.doubts, r.ClientID)
	if ended {
		return
	}
	if _, deletion := r.Event.(domain.ClientDeleted); deletion && !n.seen(r.ClientID) {
		n.d.deleted.add(r.ClientID)
		return
	}
	if _, creation := r.Event.(domain.ClientCreated); !creation {
		before.ID = r.ClientID // though its creation was not read
	}
	r.Version = max(r.Version, before.Revision.Version)
	n.d.take(before, r)
}

// seen tells whether there has been an event of a client.
func (n *auditor) seen(id int64) bool {
	return n.d.deleted.has(id) || n.d.byID[id] != nil
}

// excused tells whether an event could be the next one of its client if what could not be read, or was purged, had been
// read.
func (n *auditor) excused(before domain.Client, ended bool, r eventstore.Record) bool {
	if doubts := n.doubts[r.ClientID]; doubts > 0 && !ended {
		return r.Version > before.Revision.Version && r.Version <= before.Revision.Version+doubts+1
	}
	_, creation := r.Event.(domain.ClientCreated)
	return n.History.First > 1 && !n.seen(r.ClientID) && !creation && r.Version > 1
}

// unreadable tells of a message that is ours and cannot be read.
func (n *auditor) unreadable(r eventstore.Record, f Fault) {
	if r.Subject != "" {
		f.Detail = r.Subject + ": " + f.Detail
	}
	n.unread = true
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
	if n.seen(r.ClientID) || r.ClientID <= n.History.Counter {
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
