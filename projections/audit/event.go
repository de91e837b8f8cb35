package audit

import (
	"clients/domain"
	"clients/eventstore"
)

// event checks an event that is not foreign and then folds it even if it is wrong, so that what follows a fault is compared with it, and is not
// a fault for the same reason once more. Only events of a client whose id is another account's are never folded.
func (n *auditor) event(r eventstore.Record) {
	if wrong := n.model.CheckOwner(r); wrong != "" {
		n.fault(faultAt(r, FaultTwoAccounts, wrong))
		return
	}
	before := n.model.Before(r)
	if wrong := n.model.CheckOrder(r); wrong != "" && !n.excused(r) {
		n.fault(faultAt(r, FaultOrder, wrong))
	}
	delete(n.unreadable, r.ClientID)
	if _, creation := r.Event.(domain.ClientCreated); !creation {
		before.ID = r.ClientID // its creation may not have been readable
	}
	n.model.ApplyTo(before, r)
}

// excused reports whether an event could be the next one of its client if what could not be read, or was purged, had been
// read.
func (n *auditor) excused(r eventstore.Record) bool {
	known := n.model.Deleted.Exists(uint64(r.ClientID)) || n.model.Client(r.ClientID) != nil
	return n.unreadable[r.ClientID] || n.History.First > 1 && !known && r.Version > 1
}

// unreadableAt reports a message of the service that cannot be read.
func (n *auditor) unreadableAt(r eventstore.Record, kind FaultKind, reason string) {
	n.fault(faultAt(r, kind, r.Subject+": "+reason))
	if r.ClientID != 0 {
		n.unreadable[r.ClientID] = true
	}
}

func faultAt(r eventstore.Record, kind FaultKind, detail string) Fault {
	return Fault{First: r.Sequence, Last: r.Sequence, Kind: kind, Detail: detail}
}
