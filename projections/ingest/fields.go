package ingest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"clients/domain"

	"github.com/nats-io/nats.go"
)

// jsonInt returns the integer that a JSON number or string contains: 3.0 and 3e0 are 3.
func jsonInt(raw json.RawMessage) (int64, bool) {
	text := strings.TrimSpace(jsonText(raw))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > exact {
		return 0, false
	}
	return int64(n), true
}

// active returns whether a project is active, nil if it is not named. What cannot be understood counts as active, because
// that deactivates or deletes no client by mistake; so does nothing at all if the event has to name it.
func active(raw json.RawMessage, required bool) *bool {
	if (len(raw) == 0 || string(raw) == "null") && !required {
		return nil
	}
	n, number := jsonInt(raw)
	inactive := number && n == 0 || strings.EqualFold(strings.TrimSpace(jsonText(raw)), "false")
	return new(!inactive)
}

// invoiceKind returns the kind of an invoice, or "" if no client can have it as its last invoice kind.
func invoiceKind(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil || (domain.FollowInvoice{Kind: text}).Validate() != nil {
		return ""
	}
	return text
}

// timeframe returns a period as clients show it: 20110101,20111231. It is empty unless both ends are valid and in order.
func timeframe(rawStart, rawEnd json.RawMessage) string {
	start, err := time.Parse(time.DateOnly, jsonText(rawStart))
	if err != nil {
		return ""
	}
	end, err := time.Parse(time.DateOnly, jsonText(rawEnd))
	if err != nil || end.Before(start) {
		return ""
	}
	return start.Format("20060102") + "," + end.Format("20060102")
}

// maxID bounds ids, in bytes. They are stored in headers, which have a limit altogether.
const maxID = 256

// eventID returns the identity of an event, which all its duplicates share, and its own id. The identity contains the
// source, also an empty one. In reference events of earlier releases the identity is the id alone.
func eventID(event cloudEvent, h nats.Header) (identity, id string) {
	if id = event.id; id == "" {
		id = header(h, nats.MsgIdHdr)
	}
	if id == "" {
		return "", ""
	}
	return bounded(event.source + "\n" + id), bounded(id)
}

// brief returns id, or nothing if it is too long.
func brief(id string) string {
	if len(id) > maxID {
		return ""
	}
	return id
}

// bounded returns an id, or its hash if it is too long to be stored.
func bounded(id string) string {
	if len(id) > maxID || !utf8.ValidString(id) {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(id)))
	}
	return id
}
