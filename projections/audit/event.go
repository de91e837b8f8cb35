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
	if wrong := n.model.CheckOrder(r); wrong != "" && !n.purged(r.ClientID) {
		n.fault(faultAt(r, FaultOrder, wrong))
	}
	if _, creation := r.Event.(domain.ClientCreated); !creation {
		before.ID = r.ClientID // its creation may not have been readable
	}
	n.model.ApplyTo(before, r)
}

// purged reports whether the events that a client began with may have been purged.
func (n *auditor) purged(id int64) bool {
	return n.History.First > 1 && n.model.Client(id) == nil && !n.model.Deleted.Exists(uint64(id))
}

func faultAt(r eventstore.Record, kind FaultKind, detail string) Fault {
	return Fault{First: r.Sequence, Last: r.Sequence, Kind: kind, Detail: detail}
}
