package transport

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"clients/domain"
	"clients/projections"
	"clients/transport/wire"
)

// chunk is how much of a list is sent at once.
const chunk = 64 << 10

// writeList sends a list while it is being written, however long it is. One that fits a chunk is sent with its length.
func (x *exchange) writeList(listing projections.Listing) {
	x.w.Header().Set("Content-Type", x.format.contentType())
	if x.r.Method == http.MethodHead {
		x.w.WriteHeader(http.StatusOK)
		return
	}
	notation := notations[x.format]
	buffer := buffers.get()
	defer buffers.put(buffer)
	b := append(*buffer, notation.start...)
	separator := ""
	for client := range listing.Clients() {
		b = append(b, separator...)
		b = notation.append(b, client)
		separator = notation.separator
		if len(b) >= chunk {
			if !x.send(b) {
				return
			}
			b = b[:0]
		}
	}
	b = append(b, notation.end...)
	if x.w.status == 0 {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	x.send(b)
	*buffer = b
}

// send sends a chunk, for which its reader has as long as for a whole short answer.
func (x *exchange) send(b []byte) bool {
	_ = http.NewResponseController(&x.w).SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := x.w.Write(b)
	return err == nil
}

// notation is how a format writes lists.
type notation struct {
	start, separator, end string
	append                func([]byte, *domain.Client) []byte
}

var notations = map[format]notation{
	formatXML:  {start: wire.XMLListStart, end: wire.XMLListEnd, append: wire.AppendXML},
	formatJSON: {start: wire.JSONListStart, separator: wire.JSONListSeparator, end: wire.JSONListEnd, append: wire.AppendJSON},
}

// bufferPool lends buffers that answers are written into.
type bufferPool struct{ sync.Pool }

var buffers = &bufferPool{sync.Pool{New: func() any { b := make([]byte, 0, chunk+chunk/4); return &b }}}

func (p *bufferPool) get() *[]byte { return p.Get().(*[]byte) }

// put takes a buffer back, unless it has grown out of use.
func (p *bufferPool) put(b *[]byte) {
	if cap(*b) <= 4*chunk {
		*b = (*b)[:0]
		p.Put(b)
	}
}
