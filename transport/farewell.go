package transport

import (
	"net/http"
	"sync/atomic"
)

// Farewell has callers come by another connection next time, and so to another replica, once it is said. A connection that
// the server closes between two requests may have the next one on its way already, which its caller then takes for lost.
type Farewell struct{ said atomic.Bool }

// Say makes every answer from now on the last one of its connection.
func (f *Farewell) Say() { f.said.Store(true) }

// Handler is next with that.
func (f *Farewell) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.said.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
