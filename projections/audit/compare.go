package audit

import (
	"fmt"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"
)

// size is how many clients, projects and invoices there are.
func size(v readmodel.View) int {
	n := v.References.Len()
	for _, a := range v.Accounts {
		n += a.Len()
	}
	return n
}

// compareWith reports each client, project and invoice of the part that a view does not have as the stream has it.
func (n *auditor) compareWith(v readmodel.View) {
	n.compareClients(v)
	n.compareItems(v.References)
}

func (n *auditor) compareClients(v readmodel.View) {
	matched := make(map[int64]struct{}, n.model.Len())
	for _, a := range v.Accounts {
		for e := range a.Clients() {
			if !n.folds(e.ID) {
				continue
			}
			other := n.model.Client(e.ID)
			if other == nil || other.Account() != a.Name {
				n.differs(e, "is not in the stream")
				continue
			}
			if matched[e.ID] = struct{}{}; !same(e, other) {
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

// same reports whether two entries are of the same client in the same state.
func same(a, b *readmodel.Entry) bool {
	return a.LastSequence == b.LastSequence && inUTC(a.Client) == inUTC(b.Client)
}

// inUTC returns a client whose times have one form.
func inUTC(c domain.Client) domain.Client {
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return c
}
