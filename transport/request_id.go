package transport

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// requestID is the caller's name for the request, or a new one. It correlates log lines and events.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); validRequestID(id) {
		return id
	}
	return uuid.NewString()
}

// validRequestID keeps out what could make a log line say something else.
func validRequestID(id string) bool {
	const rest = "-_.:/+=@"
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(rest, c) < 0 {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128
}

// traceparent goes on with the caller's trace, or begins one: the W3C trace context that events carry on.
func traceparent(r *http.Request) string {
	parts := strings.Split(r.Header.Get("Traceparent"), "-")
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails
	if len(parts) == 4 && parts[0] == "00" && validHex(parts[1], 32) && validHex(parts[2], 16) && validHex(parts[3], 2) {
		return "00-" + parts[1] + "-" + hex.EncodeToString(span[:]) + "-" + parts[3]
	}
	var trace [16]byte
	_, _ = rand.Read(trace[:])
	return "00-" + hex.EncodeToString(trace[:]) + "-" + hex.EncodeToString(span[:]) + "-00"
}

func validHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == "" && (length == 2 || strings.Trim(s, "0") != "")
}
