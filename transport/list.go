package transport

import (
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// chunk is the size of the parts in which a list is sent. A slow reader makes a replica hold one of them.
const chunk = 256 << 10

// sendList sends a list, or returns errMemory. A list that fits into one chunk is sent with its length. The write timeout
// starts anew with each chunk.
func (a *API) sendList(w *response, r *request, listing readmodel.Listing) error {
	if err := w.reserved.reserve(a.responses, largeResponse); err != nil {
		return err
	}
	w.typed()
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	buffer := a.buffers.get()
	defer a.buffers.put(buffer)
	for b, last := range encoders[w.format].chunks(listing, *buffer) {
		*buffer = b
		if last && w.status == 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(b); err != nil {
			return nil // the caller is gone
		}
	}
	return nil
}

// encoder encodes lists in a format.
type encoder struct {
	start, separator, end string
	append                func([]byte, *domain.Client) []byte
}

var encoders = map[format]encoder{
	formatXML:  {start: wire.XMLListStart, end: wire.XMLListEnd, append: wire.AppendXML},
	formatJSON: {start: wire.JSONListStart, separator: wire.JSONListSeparator, end: wire.JSONListEnd, append: wire.AppendJSON},
}

// chunks encodes a list into a buffer, which it yields whenever it is full, and at the end with last true.
func (n encoder) chunks(listing readmodel.Listing, buffer []byte) iter.Seq2[[]byte, bool] {
	return func(yield func(b []byte, last bool) bool) {
		b := append(buffer[:0], n.start...)
		separator := ""
		for client := range listing.Clients() {
			b = n.append(append(b, separator...), client)
			separator = n.separator
			if len(b) >= chunk {
				if !yield(b, false) {
					return
				}
				b = b[:0]
			}
		}
		yield(append(b, n.end...), true)
	}
}

// WriteList writes a list with the bytes of a response to GET /clients, as XML or as JSON.
func WriteList(w io.Writer, listing readmodel.Listing, asJSON bool) error {
	f := formatXML
	if asJSON {
		f = formatJSON
	}
	for b := range encoders[f].chunks(listing, nil) {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
