package transport

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// LateHandler passes requests on to a handler that is made while the server accepts connections already. A request waits for it,
// for a moment, and is refused then. One whose caller leaves meanwhile is dropped.
type LateHandler struct {
	made    chan struct{}
	handler http.Handler
}

// startPatience is how long a request waits. It is shorter than callers wait who know that an outage takes up to 3 s to be reported.
const startPatience = 2 * time.Second

// NewLateHandler returns a handler for Set.
func NewLateHandler() *LateHandler { return &LateHandler{made: make(chan struct{})} }

// Set sets the handler, once.
func (h *LateHandler) Set(handler http.Handler) {
	h.handler = handler
	close(h.made)
}

// ServeHTTP waits for the handler.
func (h *LateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-h.made:
		h.handler.ServeHTTP(w, r)
		return
	default:
	}
	select {
	case <-h.made:
		h.handler.ServeHTTP(w, r)
	case <-r.Context().Done():
	case <-time.After(startPatience):
		refuseToStart(w, r)
	}
}

const errStarting = "The service is starting. Please try again."

// refuseToStart responds as the handler would to a request that the event store cannot be reached for.
func refuseToStart(w http.ResponseWriter, r *http.Request) {
	kind, body := "application/xml", `<?xml version="1.0" encoding="UTF-8"?>`+"\n<error>\n  <message>"+errStarting+"</message>\n</error>\n"
	if strings.HasSuffix(r.URL.Path, ".json") || strings.Contains(r.Header.Get("Accept"), "json") {
		kind, body = "application/json", `{"message":"`+errStarting+`"}`+"\n"
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close") // the body was not read
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, body)
}
