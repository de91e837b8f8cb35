package projections

import (
	"cmp"
	"slices"
)

// tombstone is a thing that was deleted, in the order in which such are forgotten. It stands for nothing any more if the
// thing was created again since.
type tombstone struct {
	*thing
	tree *thingTree
}

func compareTombstones(a, b tombstone) int {
	return cmp.Or(cmp.Compare(a.existsAs.incarnation, b.existsAs.incarnation), cmp.Compare(a.existsAs.sequence, b.existsAs.sequence))
}

// bury takes note of a thing that was deleted. All but what is recorded late comes last.
func (r *references) bury(s scope, t *thing) {
	grave, all := tombstone{t, r.tree(s)}, r.gone[s.kind]
	place := len(all)
	if place > 0 && compareTombstones(grave, all[place-1]) < 0 {
		place, _ = slices.BinarySearchFunc(all, grave, compareTombstones)
	}
	r.gone[s.kind] = slices.Insert(all, place, grave)
}

// forget forgets the things of a stream that were deleted more than keptMessages ago.
func (r *references) forget(stream string) {
	kind := readFrom[stream]
	gone := r.gone[kind]
	for len(gone) > 0 && r.streams[stream].since(gone[0].existsAs) > r.keptMessages {
		oldest := gone[0]
		if t, ok := oldest.tree.Get(oldest.thing); ok && !t.exists && t.existsAs == oldest.existsAs {
			oldest.tree.Delete(t)
		}
		gone[0] = tombstone{}
		gone = gone[1:]
	}
	r.gone[kind] = gone
}

// restore puts in a thing from a snapshot, which an earlier release may have written that forgot nothing.
func (r *references) restore(s scope, t *thing) {
	t.events = slices.Clip(lastOf(t.events, r.keptIDs))
	r.tree(s).Load(t)
	r.count(s.kind, t, +1)
	if !t.exists {
		r.gone[s.kind] = append(r.gone[s.kind], tombstone{t, r.tree(s)})
	}
}

// forgetAll ends a restoration.
func (r *references) forgetAll() {
	for _, gone := range r.gone {
		slices.SortStableFunc(gone, compareTombstones)
	}
	for stream := range r.streams {
		r.forget(stream)
	}
}
