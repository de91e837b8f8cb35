package transport

import (
	"net/http"
	"strconv"
)

// write sends a response.
func (x *exchange) write(status int, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", x.format.contentType())
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.reserveCompressor()
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // there is no way to report this to the caller
}

// vary sets what the response depends on beside the path.
func (x *exchange) vary() {
	x.w.Header().Add("Vary", "Accept, Content-Type, Authorization")
}

// empty sends a response without a body, and so without its type: a reader that validates would not find JSON in it.
func (x *exchange) empty(status int) {
	x.w.Header().Set("Content-Length", "0")
	x.w.WriteHeader(status)
}

// notModified sends a 304.
func (x *exchange) notModified() {
	x.w.WriteHeader(http.StatusNotModified)
}
