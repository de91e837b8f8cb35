package transport

import (
	"io"
	"iter"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// encoder encodes lists in a format.
type encoder struct {
	start, separator, end string
	append                func([]byte, *domain.Client) []byte
}

var encoders = map[format]encoder{
	formatXML:  {start: wire.XMLListStart, end: wire.XMLListEnd, append: wire.AppendXML},
	formatJSON: {start: wire.JSONListStart, separator: wire.JSONListSeparator, end: wire.JSONListEnd, append: wire.AppendJSON},
}

// write encodes a list into the buffers that empty returns. It yields each full one, and the last one with last true.
func (n encoder) write(listing readmodel.Listing, empty func() []byte) iter.Seq2[[]byte, bool] {
	return func(yield func(b []byte, last bool) bool) {
		b := append(empty()[:0], n.start...)
		separator := ""
		for client := range listing.Clients() {
			b = n.append(append(b, separator...), client)
			separator = n.separator
			if len(b) >= chunk {
				if !yield(b, false) {
					return
				}
				b = empty()[:0]
			}
		}
		yield(append(b, n.end...), true)
	}
}

// WriteList writes a list with the bytes of a response to GET /clients, as XML or as JSON.
func WriteList(w io.Writer, listing readmodel.Listing, asJSON bool) error {
	n, buffer := encoders[formatXML], []byte(nil)
	if asJSON {
		n = encoders[formatJSON]
	}
	for b := range n.write(listing, func() []byte { return buffer }) {
		buffer = b
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
