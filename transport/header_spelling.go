package transport

import "net/http"

// spelling maps names of headers as net/http spells them to names as the original service spelled them, which old client
// libraries look for without ignoring case.
var spelling = map[string]string{"Etag": "ETag", "Www-Authenticate": "WWW-Authenticate"}

// spelledWriter spells the headers of a response whose WriteHeader is called before anything else is sent.
type spelledWriter struct{ http.ResponseWriter }

// withSpelling returns a handler whose responses have their headers spelled so. It comes before every other wrapper, which
// look for the names that net/http uses.
func withSpelling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(spelledWriter{w}, r) })
}

// WriteHeader sends the headers.
func (w spelledWriter) WriteHeader(status int) {
	header := w.Header()
	for name, spelled := range spelling {
		if values, found := header[name]; found && status >= http.StatusOK { // else the header is still to come
			delete(header, name)
			header[spelled] = values
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush sends what was written.
func (w spelledWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (w spelledWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
