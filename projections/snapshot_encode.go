package projections

import (
	"bufio"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/tidwall/btree"
)

// snapshotEncoder writes numbers as varints and texts behind their length. Its counterpart is snapshotDecoder, which
// reads the same in the same order.
type snapshotEncoder struct {
	w       *bufio.Writer
	scratch []byte
	texts   map[string]uint64 // those that many clients share, by their number
}

func newSnapshotEncoder(w io.Writer) *snapshotEncoder {
	return &snapshotEncoder{w: bufio.NewWriterSize(w, 1<<20), texts: make(map[string]uint64)}
}

// snapshotEnd tells a whole snapshot from one that was cut.
const snapshotEnd = 0x5EA1

func (e *snapshotEncoder) snapshot(s *Snapshot) {
	e.number(s.sequence)
	e.time(s.storedAt)
	e.time(s.clock)
	e.number(uint64(s.highestID))
	e.ids(s.deleted)
	e.number(uint64(len(s.accounts)))
	for _, a := range s.accounts {
		e.account(a)
	}
	e.number(uint64(len(s.streams)))
	for _, stream := range s.streams {
		e.stream(stream)
	}
	e.things(s.things)
	e.held(s.held)
	e.number(snapshotEnd)
}

// ids writes ids as distances from one to the next.
func (e *snapshotEncoder) ids(ids *idSet) {
	e.number(uint64(ids.size))
	last := int64(0)
	for id := range ids.all() {
		e.number(uint64(id - last))
		last = id
	}
}

func (e *snapshotEncoder) account(a accountSnapshot) {
	e.text(a.name)
	e.number(a.revision.Version)
	e.number(a.revision.Checksum)
	e.number(uint64(a.clients.Len()))
	a.clients.Scan(func(c *entry) bool {
		e.client(c)
		return true
	})
}

func (e *snapshotEncoder) client(c *entry) {
	e.number(uint64(c.ID))
	e.number(c.lastSequence)
	e.number(c.Revision.Version)
	e.number(c.Revision.Checksum)
	e.time(c.CreatedAt)
	e.time(c.UpdatedAt)
	e.number(uint64(c.HighriseID))
	e.flag(c.Active)
	e.number(uint64(len(c.Name)))
	e.number(uint64(len(c.Details)))
	_, _ = e.w.WriteString(c.Name)
	_, _ = e.w.WriteString(c.Details)
	e.shared(c.Currency)
	e.shared(c.CurrencySymbol)
	e.shared(c.DefaultInvoiceTimeframe)
	e.shared(c.LastInvoiceKind)
}

func (e *snapshotEncoder) stream(s streamSnapshot) {
	e.text(s.name)
	e.number(uint64(s.latest))
	e.text(s.recorder)
	e.number(uint64(len(s.incarnations)))
	for _, created := range slices.Sorted(maps.Keys(s.incarnations)) {
		i := s.incarnations[created]
		e.number(uint64(created))
		e.number(uint64(i.number))
		e.number(uint64(i.round))
		e.number(i.sequence)
		e.time(i.storedAt)
	}
}

func (e *snapshotEncoder) things(scopes []thingsSnapshot) {
	n := 0
	for _, s := range scopes {
		n += s.things.Len()
	}
	e.number(uint64(n))
	for _, s := range scopes {
		s.things.Scan(func(t *thing) bool {
			e.thing(s.scope, t)
			return true
		})
	}
}

func (e *snapshotEncoder) thing(s scope, t *thing) {
	e.shared(string(s.kind))
	e.shared(s.account)
	e.number(uint64(t.id))
	e.flag(t.exists)
	e.flag(t.active)
	e.number(uint64(t.client))
	e.moment(t.existsAs)
	e.moment(t.activeAs)
	e.moment(t.clientsAs)
	e.number(uint64(len(t.events)))
	for _, event := range t.events {
		e.number(event)
	}
}

// held writes what cannot be counted again from the things.
func (e *snapshotEncoder) held(clients *btree.Map[int64, held]) {
	each := func(do func(client int64, h held)) {
		clients.Scan(func(client int64, h held) bool {
			if h.kindAs != (moment{}) || h.timeframeAs != (moment{}) {
				do(client, h)
			}
			return true
		})
	}
	n := uint64(0)
	each(func(int64, held) { n++ })
	e.number(n)
	each(func(client int64, h held) {
		e.number(uint64(client))
		e.moment(h.kindAs)
		e.moment(h.timeframeAs)
	})
}

func (e *snapshotEncoder) moment(m moment) {
	e.number(uint64(m.incarnation))
	e.number(m.sequence)
}

// time writes 0 for no time.
func (e *snapshotEncoder) time(t time.Time) {
	if t.IsZero() {
		e.number(0)
		return
	}
	e.number(uint64(t.UnixNano()))
}

func (e *snapshotEncoder) flag(f bool) {
	n := uint64(0)
	if f {
		n = 1
	}
	e.number(n)
}

func (e *snapshotEncoder) text(text string) {
	e.number(uint64(len(text)))
	_, _ = e.w.WriteString(text)
}

// shared writes a text that has been written before as its number.
func (e *snapshotEncoder) shared(text string) {
	number, known := e.texts[text]
	if known {
		e.number(number)
		return
	}
	e.number(0)
	e.text(text)
	if len(e.texts) < maxTexts {
		e.texts[text] = uint64(len(e.texts)) + 1
	}
}

func (e *snapshotEncoder) number(n uint64) {
	e.scratch = binary.AppendUvarint(e.scratch[:0], n)
	_, _ = e.w.Write(e.scratch)
}

// flush answers the first error of all that was written.
func (e *snapshotEncoder) flush() error { return e.w.Flush() }
