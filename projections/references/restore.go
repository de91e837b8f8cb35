package references

import "slices"

// A restoration of a snapshot calls RestoreStream, RestoreItem and RestoreDefaults for all that the snapshot holds, in the
// order of Streams, Items and Clients, and then FinishRestore.

// RestoreStream sets how far a source stream was read.
func (x *Index) RestoreStream(name string, latest int, replica string, generations map[int64]Generation) {
	p := x.progress(name)
	p.Latest, p.Replica, p.Generations = latest, replica, generations
}

// RestoreItem adds an item. An earlier release may have kept more of its event ids.
func (x *Index) RestoreItem(s Scope, i *Item) {
	i.EventIDs = slices.Clip(lastOf(i.EventIDs, x.limits.EventIDs))
	tree := x.tree(s)
	tree.Load(i)
	x.count(s.Kind, i, +1)
	if !i.Exists {
		x.tombstones[s.Kind] = append(x.tombstones[s.Kind], tombstone{i, tree})
	}
}

// RestoreDefaults sets when the invoice defaults of a client were last set.
func (x *Index) RestoreDefaults(client int64, kindAt, timeframeAt Point) {
	x.change(client, func(c *Client) { c.KindAt, c.TimeframeAt = kindAt, timeframeAt })
}

// FinishRestore forgets deleted items beyond the limits: an earlier release may have remembered more.
func (x *Index) FinishRestore() {
	for _, all := range x.tombstones {
		slices.SortStableFunc(all, compareTombstones)
	}
	for stream := range x.streams {
		x.expire(stream)
	}
}
