package transport

import "net/http"

// spelledWriter spells the ETag of a response as the original service spelled it: old client libraries do not ignore the case. It is
// below every other wrapper, which look for the name that net/http uses. WriteHeader has to be called before anything else is sent.
type spelledWriter struct{ http.ResponseWriter }

// WriteHeader sends the headers.
func (w spelledWriter) WriteHeader(status int) {
	header := w.Header()
	if tag, found := header["Etag"]; found && status >= http.StatusOK { // else the header is still to come
		delete(header, "Etag")
		header["ETag"] = tag
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush sends what was written.
func (w spelledWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (w spelledWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
