package transport

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"clients/projections"
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
		buffer := x.api.buffers.get()
		defer x.api.buffers.put(buffer)
		for b := range notations[x.format].write(listing, func() []byte { return *buffer }) {
			*buffer = b
			header.Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = x.w.Write(b) // who does not read the answer is not told about it
		}
	}
}

// streamList writes a list into two buffers in turn: one is filled while the other one is sent.
func (x *exchange) streamList(listing projections.Listing) {
	filled, empty := make(chan []byte), make(chan []byte, 2)
	for range cap(empty) {
		buffer := x.api.chunks.get()
		defer x.api.chunks.put(buffer)
		empty <- *buffer
	}
	var gone atomic.Bool
	var failure any
	go func() {
		defer func() {
			failure = recover()
			close(filled)
		}()
		for b := range notations[x.format].write(listing, func() []byte { return <-empty }) {
			filled <- b
			if gone.Load() {
				return
			}
		}
	}()
	connection := http.NewResponseController(&x.w)
	for b := range filled {
		if !gone.Load() {
			_ = connection.SetWriteDeadline(time.Now().Add(writeTimeout)) // for this chunk
			_, err := x.w.Write(b)
			gone.Store(err != nil)
		}
		empty <- b
	}
	if failure != nil {
		panic(failure) // here it ends one answer, and not the process
	}
}
