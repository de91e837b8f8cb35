package transport

import (
	"net/http"
	"strconv"

	"clients/transport/auth"
	"clients/transport/console"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/sync/semaphore"
)

// response is the response to a request, with what has been sent of it.
type response struct {
	http.ResponseWriter
	format     format
	status     int // 0 until the header is sent
	bytes      int64
	heldOff    bool                // throttled, rate limited or out of memory; not a failure
	lingers    bool                // sent before the body of the request was read
	reserved   reservations        // until all of the response is sent
	compressor *semaphore.Weighted // that a compressor is reserved from; nil if none is needed
}

// WriteHeader records the status.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write records the size. It calls WriteHeader if nothing else has: see spelledWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// typed prepares a response with a body. If there is no memory for compressing it while it waits for its reader, it is sent
// as it is.
func (w *response) typed() {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", w.format.contentType())
	}
	if w.format == formatHTML {
		console.SetHeaders(w.Header())
	}
	if w.compressor != nil && !w.reserved.try(w.compressor, compressorCost) {
		w.Header().Set(gzhttp.HeaderNoCompression, "1")
	}
}

// send sends a response with a body.
func (w *response) send(status int, body []byte) {
	w.typed()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // there is no way to report this to the caller
}

// sendEmpty sends a response without a body, and so without a Content-Type: validators would not find JSON in it.
func (w *response) sendEmpty(status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// vary sets what the response depends on beside the path.
func (w *response) vary() {
	w.Header().Add("Vary", "Accept, Content-Type, Authorization")
}

// notModified sets the headers of the response to a GET. If the caller already has the representation with this tag, it sends a 304 and
// returns true.
func (w *response) notModified(r *request, current string) bool {
	header := w.Header()
	header.Set("ETag", current)
	header.Set("Cache-Control", "private, no-cache")
	w.vary()
	known := noneMatch(r.Header, current)
	if known == "" {
		return false
	}
	header.Set("ETag", known)
	w.WriteHeader(http.StatusNotModified)
	return true
}

// ofSuccess are the headers of reads that a refusal does not have.
var ofSuccess = []string{"ETag", "Cache-Control", "Link", "Warning", "Stream-Sequence", "Stream-Epoch", "Memento-Datetime", "Content-Location"}

// refuse sends an error. client is to whose page of the console it may link back, 0 for none.
func (w *response) refuse(e *auth.Refusal, client int64) {
	header := w.Header()
	switch e.Status {
	case http.StatusBadRequest:
		header["Hint"] = []string{e.Message}
	case http.StatusUnauthorized:
		header["WWW-Authenticate"] = []string{`Basic realm="Clients API", charset="UTF-8"`}
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", auth.Seconds(e.RetryAfter))
	}
	for _, name := range ofSuccess {
		header.Del(name)
	}
	w.vary()
	if w.format == formatHTML {
		header.Set("Cache-Control", "no-store")
		w.send(e.Status, console.Refusal(e.Status, e.Message, client))
		return
	}
	w.send(e.Status, w.format.encoding().AppendError(nil, e.Message))
}
