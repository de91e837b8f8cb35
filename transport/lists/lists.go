// Package lists encodes lists of clients in chunks, and keeps the encoded lists of accounts that do not change.
package lists

import (
	"io"
	"iter"

	"clients/projections/readmodel"
	"clients/transport/wire"
)

// chunkSize is the size at which a chunk ends, in bytes. It may be exceeded by one client.
const chunkSize = 256 << 10

// Chunks encodes a list. A chunk is valid until the next one is encoded.
func Chunks(listing readmodel.Listing, e *wire.Encoding) iter.Seq2[[]byte, bool] {
	return func(yield func(chunk []byte, last bool) bool) {
		b := []byte(e.ListStart)
		separator := ""
		for client := range listing.Clients() {
			b = e.AppendClient(append(b, separator...), client)
			separator = e.Separator
			if len(b) >= chunkSize {
				if !yield(b, false) {
					return
				}
				b = b[:0]
			}
		}
		b = append(b, e.ListEnd...)
		yield(b, true)
	}
}

// Write writes a list as responses to GET /clients have it.
func Write(w io.Writer, listing readmodel.Listing, e *wire.Encoding) error {
	for chunk := range Chunks(listing, e) {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}
