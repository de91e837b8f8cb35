package transport

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// requestID is the caller's name for the request, or a new one. It correlates log lines and events.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); validRequestID(id) {
		return id
	}
	return randomHex(2)
}

// randomHex is a number of 64 random bits for each word, in hex. It tells requests apart and keeps no secret.
func randomHex(words int) string {
	b := make([]byte, 0, 32)
	for range words {
		b = binary.BigEndian.AppendUint64(b, rand.Uint64()|1) // a trace must not be all zeros
	}
	return hex.EncodeToString(b)
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
	if len(parts) == 4 && parts[0] == "00" && validHex(parts[1], 32) && validHex(parts[2], 16) && validHex(parts[3], 2) {
		return "00-" + parts[1] + "-" + randomHex(1) + "-" + parts[3]
	}
	return "00-" + randomHex(2) + "-" + randomHex(1) + "-00"
}

func validHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == "" && (length == 2 || strings.Trim(s, "0") != "")
}
