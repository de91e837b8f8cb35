package references

import (
	"cmp"
	"slices"
)

// tombstone is an item that was deleted. Tombstones are kept in the order in which their items are forgotten. One whose
// item was created again since has no effect.
type tombstone struct {
	*Item
	tree *itemTree
}

func compareTombstones(a, b tombstone) int {
	return cmp.Or(cmp.Compare(a.ExistsAt.Generation, b.ExistsAt.Generation), cmp.Compare(a.ExistsAt.Sequence, b.ExistsAt.Sequence))
}

// addTombstone notes that an item was deleted. All but late events come last.
func (x *Index) addTombstone(s Scope, i *Item) {
	t, all := tombstone{i, x.tree(s)}, x.tombstones[s.Kind]
	place := len(all)
	if place > 0 && compareTombstones(t, all[place-1]) < 0 {
		place, _ = slices.BinarySearchFunc(all, t, compareTombstones)
	}
	x.tombstones[s.Kind] = slices.Insert(all, place, t)
}

// expire forgets the items of a stream that were deleted more than Limits.Messages ago.
func (x *Index) expire(stream string) {
	kind := kindOf[stream]
	all := x.tombstones[kind]
	for len(all) > 0 && x.streams[stream].since(all[0].ExistsAt) > x.limits.Messages {
		oldest := all[0]
		if i, ok := oldest.tree.Get(oldest.Item); ok && !i.Exists && i.ExistsAt == oldest.ExistsAt {
			oldest.tree.Delete(i)
		}
		all[0] = tombstone{}
		all = all[1:]
	}
	x.tombstones[kind] = all
}
