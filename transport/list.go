package transport

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"clients/projections/readmodel"
)

// A list of more than shortList clients is sent while its next chunk is encoded. A list that fits into one chunk is sent with
// its length. A slow reader makes a replica hold two chunks of a list at most.
const (
	shortList = 400
	chunk     = 256 << 10
)

// writeList sends a list, or returns errMemory.
func (x *exchange) writeList(listing readmodel.Listing) error {
	if err := x.reserve(x.api.responses, largeResponse); err != nil {
		return err
	}
	x.reserveCompressor()
	x.w.Header().Set("Content-Type", x.format.contentType())
	switch {
	case x.r.Method == http.MethodHead:
		x.w.WriteHeader(http.StatusOK)
	case listing.Len > shortList:
		x.streamList(listing)
	default:
		x.sendList(listing)
	}
	return nil
}

// sendList encodes a list into one buffer, and sends it whenever it is full.
func (x *exchange) sendList(listing readmodel.Listing) {
	buffer := x.api.buffers.get()
	defer x.api.buffers.put(buffer)
	for b, last := range encoders[x.format].write(listing, func() []byte { return *buffer }) {
		*buffer = b
		if last && x.w.status == 0 {
			x.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		}
		if x.sendChunk(b) != nil {
			return
		}
	}
}

// sendChunk sends a part of a response. The write timeout starts anew with each.
func (x *exchange) sendChunk(b []byte) error {
	_ = http.NewResponseController(&x.w).SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := x.w.Write(b)
	return err
}

// streamList encodes a list into two buffers in turn: one is filled while the other one is sent.
func (x *exchange) streamList(listing readmodel.Listing) {
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
		for b := range encoders[x.format].write(listing, func() []byte { return <-empty }) {
			filled <- b
			if gone.Load() {
				return
			}
		}
	}()
	for b := range filled {
		if !gone.Load() {
			gone.Store(x.sendChunk(b) != nil)
		}
		empty <- b
	}
	if failure != nil {
		panic(failure) // here it ends one response, not the process
	}
}
