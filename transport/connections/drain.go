package connections

import (
	"net/http"
	"sync/atomic"
)

// Drain lets callers move to other replicas before a shutdown: once begun, every response closes its connection. A
// connection that the server closed between two requests instead could lose a request that is already on its way.
type Drain struct{ begun atomic.Bool }

// Begin makes every response from now on the last one of its connection.
func (d *Drain) Begin() { d.begun.Store(true) }

// Handler returns next with the drain.
func (d *Drain) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.begun.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
