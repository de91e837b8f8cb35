package transport

import "net/http"

// spelling maps names of headers as net/http spells them to names as the original service spelled them, which old client
// libraries look for without ignoring case.
var spelling = map[string]string{"Etag": "ETag", "Www-Authenticate": "WWW-Authenticate"}

// spelledWriter spells the headers of a response.
type spelledWriter struct {
	http.ResponseWriter
	begun bool
}

// withSpelling returns a handler whose responses have their headers spelled so. It comes before every other wrapper, which
// look for the names that net/http uses.
func withSpelling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &spelledWriter{ResponseWriter: w}
		next.ServeHTTP(s, r)
		s.begin()
	})
}

func (w *spelledWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	header := w.Header()
	for name, spelled := range spelling {
		if values, found := header[name]; found {
			delete(header, name)
			header[spelled] = values
		}
	}
}

func (w *spelledWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // else it is informational, and the header is still to come
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *spelledWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

func (w *spelledWriter) Flush() {
	w.begin()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *spelledWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
