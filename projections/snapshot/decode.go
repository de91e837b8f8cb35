package snapshot

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// decode reads what encode writes, into an empty model.
func decode(r *bufio.Reader, m *readmodel.Model) error {
	c := &coder{r: r}
	codeHeader(c, &m.Totals)
	c.decodeSet(m.Deleted)
	for range c.each() {
		c.decodeAccount(m)
	}
	c.decodeReferences(m.References)
	if c.read() != end {
		c.fail(errors.New("unexpected end"))
	}
	if _, err := r.Peek(1); err == nil {
		for range c.each() {
			var s readmodel.Setback
			codeSetback(c, &s)
			m.Setbacks = append(m.Setbacks, s)
		}
	}
	if _, err := r.Peek(1); err == nil {
		c.decodeSet(m.Repeated)
	}
	if _, err := r.Peek(1); err != io.EOF { // the checksum is verified at the end
		c.fail(fmt.Errorf("no end: %v", err))
	}
	return c.err
}

func (c *coder) decodeSet(s *avl.SequenceSet) {
	last := uint64(0)
	for range c.each() {
		last += c.read()
		s.Insert(last)
	}
}

// each reads a number and yields that often, up to the first error.
func (c *coder) each() func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		n := c.read()
		for i := uint64(0); i < n && c.err == nil && yield(i); i++ {
		}
	}
}

func (c *coder) decodeAccount(m *readmodel.Model) {
	var name string
	var revision domain.Revision
	codeAccount(c, &name, &revision)
	var clients []*readmodel.Entry
	for range c.each() {
		var client domain.Client
		var sequence uint64
		codeClient(c, &client, &sequence)
		clients = append(clients, readmodel.RestoreEntry(client, c.nameAndDetails, c.nameLength, sequence))
	}
	if c.err == nil {
		c.err = m.RestoreAccount(name, revision, clients)
	}
}

func (c *coder) decodeReferences(x *references.Index) {
	for range c.each() {
		var name, replica string
		var latest int
		codeStream(c, &name, &latest, &replica)
		generations := make(map[int64]references.Generation)
		for range c.each() {
			var created int64
			var g references.Generation
			codeGeneration(c, &created, &g)
			generations[created] = g
		}
		x.RestoreStream(name, latest, replica, generations)
	}
	for range c.each() {
		var scope references.Scope
		i := new(references.Item)
		codeItem(c, &scope, i)
		for range c.each() {
			i.EventIDs = append(i.EventIDs, c.read())
		}
		x.RestoreItem(scope, i)
	}
	for range c.each() {
		var id int64
		var client references.Client
		codeDefaults(c, &id, &client)
		x.RestoreDefaults(id, client.KindAt, client.TimeframeAt)
	}
	x.FinishRestore()
}
