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

// A list of more clients than shortList is sent in chunks, while the next one is being written; a shorter one is sent
// whole, with its length.
const (
	shortList = 400
	chunk     = 256 << 10
)

// writeList sends a list.
func (x *exchange) writeList(listing projections.Listing) {
	header := x.w.Header()
	header.Set("Content-Type", x.format.contentType())
	switch {
	case x.r.Method == http.MethodHead:
		x.w.WriteHeader(http.StatusOK)
	case listing.Len > shortList:
		x.streamList(listing)
	default:
		buffer := buffers.get()
		defer buffers.put(buffer)
		notations[x.format].write(*buffer, listing, func(b []byte) []byte { *buffer = b; return b })
		header.Set("Content-Length", strconv.Itoa(len(*buffer)))
		_, _ = x.w.Write(*buffer) // who does not read the answer is not told about it
	}
}

// streamList writes a list into two buffers in turn: one is filled while the other one is sent.
func (x *exchange) streamList(listing projections.Listing) {
	filled, empty := make(chan []byte), make(chan []byte, 2)
	for range cap(empty) {
		buffer := chunks.get()
		defer chunks.put(buffer)
		empty <- *buffer
	}
	var failure any
	go func() {
		defer func() {
			failure = recover()
			close(filled)
		}()
		notations[x.format].write(<-empty, listing, func(b []byte) []byte {
			filled <- b
			return (<-empty)[:0]
		})
	}()
	connection := http.NewResponseController(&x.w)
	var err error
	for b := range filled {
		if err == nil { // else the rest is only taken off the writer's hands
			_ = connection.SetWriteDeadline(time.Now().Add(writeTimeout)) // for this chunk
			_, err = x.w.Write(b)
		}
		empty <- b
	}
	if failure != nil {
		panic(failure) // here it ends one answer, and not the process
	}
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

// write writes a list into b. What is a chunk, and what is there in the end, it hands to full, for a buffer to go on with.
func (n notation) write(b []byte, listing projections.Listing, full func([]byte) []byte) {
	b = append(b, n.start...)
	separator := ""
	for client := range listing.Clients() {
		b = n.append(append(b, separator...), client)
		separator = n.separator
		if len(b) >= chunk && listing.Len > shortList {
			b = full(b)
		}
	}
	full(append(b, n.end...))
}

// What answers are written into: whole ones, and chunks of long ones, with room for the client that fills them.
var (
	buffers = bufferPool{size: 8 << 10}
	chunks  = bufferPool{size: chunk + 16<<10}
)

// bufferPool lends buffers of a size, which may grow.
type bufferPool struct {
	size int
	pool sync.Pool
}

func (p *bufferPool) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, p.size)
	return &b
}

// put takes a buffer back, unless it has grown out of use.
func (p *bufferPool) put(b *[]byte) {
	if cap(*b) <= 2*chunk {
		*b = (*b)[:0]
		p.pool.Put(b)
	}
}
