package snapshot

import (
	"bufio"
	"io"
	"maps"
	"slices"

	"clients/projections/readmodel"
	"clients/projections/references"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// end distinguishes a complete snapshot from a truncated one.
const end = 0x5EA1

// encode writes a view; decode reads the same in the same order.
func encode(w io.Writer, v readmodel.View) error {
	c := &coder{w: bufio.NewWriterSize(w, 1<<20), numbers: make(map[string]uint64)}
	codeHeader(c, &v.Totals)
	c.encodeSet(v.Deleted)
	c.put(uint64(len(v.Accounts)))
	for _, a := range v.Accounts {
		codeAccount(c, &a.Name, &a.Revision)
		c.put(uint64(a.Len()))
		for e := range a.Clients() {
			client, sequence := e.Client, e.LastSequence
			codeClient(c, &client, &sequence)
		}
	}
	c.encodeReferences(v.References)
	c.put(end)
	if len(v.Setbacks) > 0 || !v.Repeated.IsEmpty() { // a part that earlier releases do not know: they pass over a snapshot that has it
		c.put(uint64(len(v.Setbacks)))
		for _, s := range v.Setbacks {
			codeSetback(c, &s)
		}
	}
	if !v.Repeated.IsEmpty() {
		c.encodeSet(v.Repeated)
	}
	return c.w.Flush()
}

// encodeSet writes ids as distances from one to the next.
func (c *coder) encodeSet(s *avl.SequenceSet) {
	c.put(uint64(s.Size()))
	last := uint64(0)
	s.Range(func(id uint64) bool {
		c.put(id - last)
		last = id
		return true
	})
}

func (c *coder) encodeReferences(x *references.Index) {
	streams := x.Streams()
	c.put(uint64(len(streams)))
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		p := streams[name]
		codeStream(c, &name, &p.Latest, &p.Replica)
		c.put(uint64(len(p.Generations)))
		for _, created := range slices.Sorted(maps.Keys(p.Generations)) {
			g := p.Generations[created]
			codeGeneration(c, &created, &g)
		}
	}
	c.put(uint64(x.Len()))
	for scope, item := range x.Items() {
		i := *item
		codeItem(c, &scope, &i)
		c.put(uint64(len(i.EventIDs)))
		for _, id := range i.EventIDs {
			c.put(id)
		}
	}
	clients := 0
	for _, client := range x.Clients() {
		if client.HasDefaults() {
			clients++
		}
	}
	c.put(uint64(clients))
	for id, client := range x.Clients() { // the rest is counted again from the items
		if client.HasDefaults() {
			codeDefaults(c, &id, &client)
		}
	}
}

func (c *coder) put(n uint64) { number(c, &n) }
