package snapshot

import (
	"bufio"
	"io"
	"maps"
	"slices"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"
)

// end distinguishes a complete snapshot from a truncated one.
const end = 0x5EA1

// encode writes a view; decode reads the same in the same order.
func encode(w io.Writer, v readmodel.View) error {
	c := &coder{w: bufio.NewWriterSize(w, 1<<20), numbers: make(map[string]uint64)}
	c.header(&v)
	c.put(uint64(v.Deleted.Len()))
	last := int64(0)
	for id := range v.Deleted.All() { // as distances from one to the next
		c.put(uint64(id - last))
		last = id
	}
	c.put(uint64(len(v.Accounts)))
	for _, a := range v.Accounts {
		c.account(&a.Name, &a.Revision)
		c.put(uint64(a.Len()))
		for e := range a.Clients() {
			client, sequence := e.Client, e.LastSequence
			c.client(&client, &sequence)
		}
	}
	c.encodeReferences(v.References)
	c.put(end)
	return c.w.Flush()
}

func (c *coder) encodeReferences(x *references.Index) {
	streams := maps.Collect(x.Streams())
	c.put(uint64(len(streams)))
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		p := streams[name]
		c.stream(&name, &p.Latest, &p.Replica)
		c.put(uint64(len(p.Generations)))
		for _, created := range slices.Sorted(maps.Keys(p.Generations)) {
			g := p.Generations[created]
			c.generation(&created, &g)
		}
	}
	c.put(uint64(x.Len()))
	for scope, item := range x.Items() {
		i := *item
		c.item(&scope, &i)
		c.put(uint64(len(i.EventIDs)))
		for _, id := range i.EventIDs {
			c.put(id)
		}
	}
	clients := 0
	for _, held := range x.Clients() {
		if held.HasDefaults() {
			clients++
		}
	}
	c.put(uint64(clients))
	for id, held := range x.Clients() { // the rest is counted again from the items
		if held.HasDefaults() {
			c.defaults(&id, &held)
		}
	}
}

func (c *coder) put(n uint64) { c.number(&n) }

// The structures follow, each for both directions.

func (c *coder) header(v *readmodel.View) {
	c.number(&v.Sequence)
	c.time(&v.StoredAt)
	c.time(&v.Clock)
	c.integer(&v.HighestID)
}

func (c *coder) account(name *string, r *domain.Revision) {
	c.text(name)
	c.revision(r)
}

func (c *coder) revision(r *domain.Revision) {
	c.number(&r.Version)
	c.number(&r.Checksum)
}

func (c *coder) client(client *domain.Client, lastSequence *uint64) {
	c.integer(&client.ID)
	c.number(lastSequence)
	c.revision(&client.Revision)
	c.time(&client.CreatedAt)
	c.time(&client.UpdatedAt)
	c.integer(&client.HighriseID)
	c.flag(&client.Active)
	c.names(client)
	c.shared(&client.Currency)
	c.shared(&client.CurrencySymbol)
	c.shared(&client.DefaultInvoiceTimeframe)
	c.shared(&client.LastInvoiceKind)
}

func (c *coder) stream(name *string, latest *int, replica *string) {
	c.text(name)
	c.count(latest)
	c.text(replica)
}

func (c *coder) generation(created *int64, g *references.Generation) {
	c.integer(created)
	c.count(&g.Number)
	c.count(&g.Restores)
	c.number(&g.Sequence)
	c.time(&g.StoredAt)
}

func (c *coder) item(scope *references.Scope, i *references.Item) {
	kind := string(scope.Kind)
	c.shared(&kind)
	scope.Kind = domain.ReferenceKind(kind)
	c.shared(&scope.Account)
	c.integer(&i.ID)
	c.flag(&i.Exists)
	c.flag(&i.Active)
	c.integer(&i.Client)
	c.point(&i.ExistsAt)
	c.point(&i.ActiveAt)
	c.point(&i.ClientAt)
}

func (c *coder) defaults(client *int64, held *references.Client) {
	c.integer(client)
	c.point(&held.KindAt)
	c.point(&held.TimeframeAt)
}
