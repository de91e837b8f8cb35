package snapshot

import (
	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"
)

// The layout of a snapshot. Each function encodes or decodes one structure, as its coder does.

func codeHeader(c *coder, t *readmodel.Totals) {
	number(c, &t.Sequence)
	c.time(&t.StoredAt)
	c.time(&t.Clock)
	number(c, &t.HighestID)
}

func codeSetback(c *coder, s *readmodel.Setback) {
	number(c, &s.First)
	number(c, &s.Last)
	c.time(&s.Clock)
}

func codeAccount(c *coder, name *string, r *domain.Revision) {
	c.text(name)
	codeRevision(c, r)
}

func codeRevision(c *coder, r *domain.Revision) {
	number(c, &r.Version)
	number(c, &r.Checksum)
}

func codeClient(c *coder, client *domain.Client, lastSequence *uint64) {
	number(c, &client.ID)
	number(c, lastSequence)
	codeRevision(c, &client.Revision)
	c.time(&client.CreatedAt)
	c.time(&client.UpdatedAt)
	number(c, &client.HighriseID)
	c.flag(&client.Active)
	c.names(client)
	c.shared(&client.Currency)
	c.shared(&client.CurrencySymbol)
	c.shared(&client.DefaultInvoiceTimeframe)
	c.shared(&client.LastInvoiceKind)
}

func codeStream(c *coder, name *string, latest *int, replica *string) {
	c.text(name)
	number(c, latest)
	c.text(replica)
}

func codeGeneration(c *coder, created *int64, g *references.Generation) {
	number(c, created)
	number(c, &g.Number)
	number(c, &g.Restores)
	number(c, &g.Sequence)
	c.time(&g.StoredAt)
}

func codeItem(c *coder, scope *references.Scope, i *references.Item) {
	kind := string(scope.Kind)
	c.shared(&kind)
	scope.Kind = domain.ReferenceKind(kind)
	c.shared(&scope.Account)
	number(c, &i.ID)
	c.flag(&i.Exists)
	c.flag(&i.Active)
	number(c, &i.Client)
	c.point(&i.ExistsAt)
	c.point(&i.ActiveAt)
	c.point(&i.ClientAt)
}

func codeDefaults(c *coder, id *int64, client *references.Client) {
	number(c, id)
	c.point(&client.KindAt)
	c.point(&client.TimeframeAt)
}
