package projections

import "fmt"

// frozen is what a directory holds as of one sequence. It stays as it is while the directory goes on.
type frozen struct {
	sequence uint64
	accounts []*tree
	things   map[scope]*thingTree
}

func (d *Directory) frozen() frozen {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := frozen{sequence: d.sequence, things: make(map[scope]*thingTree)}
	for _, a := range d.accounts {
		v.accounts = append(v.accounts, a.byName.Copy())
	}
	for s, things := range d.references.things {
		v.things[s] = things.Copy()
	}
	return v
}

// len is how much it is to fold.
func (v frozen) len() (n int) {
	for _, clients := range v.accounts {
		n += clients.Len()
	}
	for _, things := range v.things {
		n += things.Len()
	}
	return n
}

// compareWith reports what the directory does not have as the stream has it.
func (n *auditor) compareWith(v frozen) {
	n.compareClientsWith(v)
	n.compareThingsWith(v)
}

// compareClientsWith reports each client of the part that the directory does not have as the stream has it.
func (n *auditor) compareClientsWith(v frozen) {
	matched := make(map[int64]struct{}, len(n.d.byID))
	for _, clients := range v.accounts {
		clients.Scan(func(e *entry) bool {
			if !n.folds(e.ID) {
				return true
			}
			other := n.d.byID[e.ID]
			if !other.of(e.account.name) {
				n.differs(e, "is not in the stream")
				return true
			}
			if matched[e.ID] = struct{}{}; !e.same(other) {
				n.differs(e, "is not what the stream gives, which has it "+other.inWords())
			}
			return true
		})
	}
	for id, e := range n.d.byID {
		if _, ok := matched[id]; !ok {
			n.differs(e, "is in the stream, and the service does not have it")
		}
	}
}

// compareThingsWith reports each project and invoice of the part that the directory does not have as the stream has it.
func (n *auditor) compareThingsWith(v frozen) {
	matches := func(t, other *thing) bool {
		return t.exists == other.exists && (!t.exists || t.client == other.client && t.active == other.active)
	}
	known := references{things: v.things}
	for s, things := range v.things {
		things.Scan(func(t *thing) bool {
			if n.folds(t.id) && !matches(t, n.d.references.thing(s, t.id)) {
				n.thingDiffers(s, t.id)
			}
			return true
		})
	}
	for s, things := range n.d.references.things {
		things.Scan(func(t *thing) bool {
			if t.exists && !known.thing(s, t.id).exists {
				n.thingDiffers(s, t.id)
			}
			return true
		})
	}
}

func (n *auditor) thingDiffers(s scope, id int64) {
	n.fault(Fault{Kind: FaultReferences, Detail: fmt.Sprintf("%s %d of account %s is not known as the stream has it", s.kind, id, s.account)})
}

func (n *auditor) differs(e *entry, how string) {
	n.fault(Fault{First: e.lastSequence, Last: e.lastSequence, Kind: FaultDiffers, client: e.ID, Detail: fmt.Sprintf(
		"client %d of account %s, %s, %s", e.ID, e.account.name, e.inWords(), how)})
}
