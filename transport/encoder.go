package transport

import (
	"io"
	"iter"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// notation is how a format writes lists.
type notation struct {
	start, separator, end string
	append                func([]byte, *domain.Client) []byte
}

var notations = map[format]notation{
	formatXML:  {start: wire.XMLListStart, end: wire.XMLListEnd, append: wire.AppendXML},
	formatJSON: {start: wire.JSONListStart, separator: wire.JSONListSeparator, end: wire.JSONListEnd, append: wire.AppendJSON},
}

// write writes a list into the buffers that empty answers. It yields each when it is full, and the last one as such.
func (n notation) write(listing readmodel.Listing, empty func() []byte) iter.Seq2[[]byte, bool] {
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

// WriteList writes a list as GET /clients answers it, byte for byte: as XML, or as JSON.
func WriteList(w io.Writer, listing readmodel.Listing, asJSON bool) error {
	n, buffer := notations[formatXML], []byte(nil)
	if asJSON {
		n = notations[formatJSON]
	}
	for b := range n.write(listing, func() []byte { return buffer }) {
		buffer = b
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
