package audit

import (
	"clients/eventstore"
)

// contradicts reports an event that cannot be folded, and then folds it all the same, so that what follows is compared with it, and is
// not a fault for the same reason once more. Only events of a client whose id is another account's are never folded.
func (n *auditor) contradicts(r eventstore.Record, reason string) {
	if e := n.model.Client(r.ClientID); e != nil && e.Account() != r.Account {
		n.fault(faultAt(r, FaultTwoAccounts, reason))
		return
	}
	if !n.purged(r.ClientID) {
		n.fault(faultAt(r, FaultOrder, reason))
	}
	n.model.Force(r)
}

// purged reports whether the events that a client began with may have been purged.
func (n *auditor) purged(id int64) bool {
	return n.History.First > 1 && n.model.Client(id) == nil && !n.model.Deleted.Exists(uint64(id))
}

func faultAt(r eventstore.Record, kind FaultKind, detail string) Fault {
	return Fault{First: r.Sequence, Last: r.Sequence, Kind: kind, Detail: detail}
}
