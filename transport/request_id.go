package transport

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// requestID returns the caller's id of the request, or a new one. It correlates log lines and events.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); validRequestID(id) {
		return id
	}
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) // unique, not secret
}

// validRequestID reports whether an id has only characters that cannot forge a log line.
func validRequestID(id string) bool {
	const rest = "-_.:/+=@"
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(rest, c) < 0 {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128
}
