package transport

import (
	"io"
	"iter"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// A list of more than shortList clients is sent while its next chunk is encoded. A list that fits into one chunk is sent with
// its length. A slow reader makes a replica hold two chunks of a list at most.
const (
	shortList = 400
	chunk     = 256 << 10
)

// writeList sends a list, or returns errMemory.
func (a *API) writeList(w *response, r *request, listing readmodel.Listing) error {
	if err := w.reserved.reserve(a.responses, largeResponse); err != nil {
		return err
	}
	w.typed()
	switch {
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusOK)
	case listing.Len > shortList:
		a.streamList(w, listing)
	default:
		a.sendList(w, listing)
	}
	return nil
}

// sendList encodes a list into one buffer, and sends it whenever it is full.
func (a *API) sendList(w *response, listing readmodel.Listing) {
	buffer := a.buffers.get()
	defer a.buffers.put(buffer)
	for b, last := range encoders[w.format].write(listing, func() []byte { return *buffer }) {
		*buffer = b
		if last && w.status == 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		}
		if w.sendChunk(b) != nil {
			return
		}
	}
}

// sendChunk sends a part of a response. The write timeout starts anew with each.
func (w *response) sendChunk(b []byte) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := w.Write(b)
	return err
}

// streamList encodes a list into two buffers in turn: one is filled while the other one is sent.
func (a *API) streamList(w *response, listing readmodel.Listing) {
	filled, empty := make(chan []byte), make(chan []byte, 2)
	for range cap(empty) {
		buffer := a.chunks.get()
		defer a.chunks.put(buffer)
		empty <- *buffer
	}
	var gone atomic.Bool
	var failure any
	go func() {
		defer func() {
			failure = recover()
			close(filled)
		}()
		for b := range encoders[w.format].write(listing, func() []byte { return <-empty }) {
			filled <- b
			if gone.Load() {
				return
			}
		}
	}()
	for b := range filled {
		if !gone.Load() {
			gone.Store(w.sendChunk(b) != nil)
		}
		empty <- b
	}
	if failure != nil {
		panic(failure) // here it ends one response, not the process
	}
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
