// Package lists encodes lists of clients in chunks, and keeps the encoded lists of accounts that do not change.
package lists

import (
	"io"
	"iter"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// Encoding encodes lists as responses to GET /clients have them.
type Encoding struct {
	start, separator, end string
	append                func([]byte, *domain.Client) []byte
}

// The encodings of lists.
var (
	XML  = &Encoding{start: wire.XMLListStart, end: wire.XMLListEnd, append: wire.AppendXML}
	JSON = &Encoding{start: wire.JSONListStart, separator: wire.JSONListSeparator, end: wire.JSONListEnd, append: wire.AppendJSON}
)

// chunkSize is the size at which a chunk ends, in bytes. It may be exceeded by one client.
const chunkSize = 256 << 10

// Chunks encodes a list. A chunk is valid until the next one is encoded.
func (e *Encoding) Chunks(listing readmodel.Listing) iter.Seq2[[]byte, bool] {
	return func(yield func(chunk []byte, last bool) bool) {
		b := []byte(e.start)
		separator := ""
		for client := range listing.Clients() {
			b = e.append(append(b, separator...), client)
			separator = e.separator
			if len(b) >= chunkSize {
				if !yield(b, false) {
					return
				}
				b = b[:0]
			}
		}
		b = append(b, e.end...)
		yield(b, true)
	}
}

// Write writes a list.
func (e *Encoding) Write(w io.Writer, listing readmodel.Listing) error {
	for chunk := range e.Chunks(listing) {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}
