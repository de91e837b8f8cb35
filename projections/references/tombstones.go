package references

import "slices"

// tombstone is an item that was deleted. Tombstones are kept in the order in which their items are forgotten. One whose
// item was created again since has no effect.
type tombstone struct {
	*Item
	tree *itemTree
}

func compareTombstones(a, b tombstone) int { return a.ExistsAt.compare(b.ExistsAt) }

// addTombstone notes that an item was deleted.
func (x *Index) addTombstone(s Scope, i *Item) {
	t, all := tombstone{i, x.tree(s)}, x.tombstones[s.Kind]
	place, _ := slices.BinarySearchFunc(all, t, compareTombstones)
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
