package audit

import (
	"fmt"

	"clients/projections/readmodel"
	"clients/projections/references"
)

// compareClients reports each client of the part that a view does not have as the stream has it.
func (n *auditor) compareClients(accounts []readmodel.Account) {
	matched := make(map[int64]struct{}, n.model.Len())
	for _, a := range accounts {
		for e := range a.Clients() {
			if !n.folds(e.ID) {
				continue
			}
			other := n.model.Client(e.ID)
			if other == nil || other.Account() != a.Name {
				n.differs(e, "is not in the stream")
				continue
			}
			if matched[e.ID] = struct{}{}; e.LastSequence != other.LastSequence || e.Client != other.Client {
				n.differs(e, "is not what the stream gives, which has it "+revision(other))
			}
		}
	}
	for e := range n.model.Entries() {
		if _, ok := matched[e.ID]; !ok {
			n.differs(e, "is in the stream, and the service does not have it")
		}
	}
}

// compareItems does the same for projects and invoices.
func (n *auditor) compareItems(known *references.Index) {
	for scope, i := range known.Items() {
		other := n.model.References.Item(scope.Kind, scope.Account, i.ID)
		if n.folds(i.ID) && (i.Exists != other.Exists || i.Exists && (i.Client != other.Client || i.Active != other.Active)) {
			n.itemDiffers(scope, i.ID)
		}
	}
	for scope, i := range n.model.References.Items() {
		if i.Exists && !known.Item(scope.Kind, scope.Account, i.ID).Exists {
			n.itemDiffers(scope, i.ID)
		}
	}
}

func (n *auditor) itemDiffers(s references.Scope, id int64) {
	n.fault(Fault{Kind: FaultReferences, Detail: fmt.Sprintf("%s %d of account %s is not known as the stream has it", s.Kind, id, s.Account)})
}

func (n *auditor) differs(e *readmodel.Entry, how string) {
	n.fault(Fault{First: e.LastSequence, Last: e.LastSequence, Kind: FaultDiffers, client: e.ID, Detail: fmt.Sprintf(
		"client %d of account %s, %s, %s", e.ID, e.Account(), revision(e), how)})
}

func revision(e *readmodel.Entry) string {
	return fmt.Sprintf("at version %d, of sequence %d, with the checksum %016x", e.Revision.Version, e.LastSequence, e.Revision.Checksum)
}
