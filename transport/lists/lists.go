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

// ChunkSize is the size at which a chunk ends, in bytes. It may be exceeded by one client.
const ChunkSize = 256 << 10

// Chunks encodes a list into a buffer, which may grow. It yields the buffer whenever that is full, and at the end with last true.
func (e *Encoding) Chunks(listing readmodel.Listing, buffer *[]byte) iter.Seq2[[]byte, bool] {
	return func(yield func(chunk []byte, last bool) bool) {
		b := append((*buffer)[:0], e.start...)
		defer func() { *buffer = b }()
		separator := ""
		for client := range listing.Clients() {
			b = e.append(append(b, separator...), client)
			separator = e.separator
			if len(b) >= ChunkSize {
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
	for chunk := range e.Chunks(listing, new([]byte)) {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}
