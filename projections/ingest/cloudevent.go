package ingest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"clients/eventstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
)

// cloudEvent is an event of another service, in binary or structured mode. Missing attributes are empty.
type cloudEvent struct {
	kind, source, id                  string
	actor, correlationID, traceparent string
	data                              []byte
	structured                        bool // the body has a specversion
}

// The media types of CloudEvents. A suffix names the event format.
const (
	typeStructured = "application/cloudevents"
	typeBatch      = "application/cloudevents-batch"
)

// readEvent decodes a message by the NATS binding of CloudEvents. A content type of CloudEvents decides the mode. Without
// one, a ce-type means binary mode, and a body with a specversion structured mode: the SDKs send it without headers.
func readEvent(m upstream.Message) (cloudEvent, *Poison) {
	mediaType, _, _ := strings.Cut(strings.ToLower(header(m.Header, "content-type")), ";") // without parameters
	switch mediaType = strings.TrimSpace(mediaType); {
	case strings.HasPrefix(mediaType, typeBatch):
		return cloudEvent{}, poisonf(Unreadable, "it is a batch of events")
	case mediaType == typeStructured, mediaType == typeStructured+"+json":
		return readStructured(m)
	case strings.HasPrefix(mediaType, typeStructured):
		return cloudEvent{}, poisonf(Unreadable, "the event format %s is not supported", mediaType)
	case textHeader(m.Header, "ce-type") != "":
		return readBinary(m)
	}
	if e, poison := readStructured(m); e.structured {
		return e, poison
	}
	return cloudEvent{}, poisonf(Unreadable, "it has no ce-type")
}

// newEvent returns the event with the attributes that a function returns by their names.
func newEvent(attribute func(name string) string) cloudEvent {
	return cloudEvent{
		kind: attribute("type"), source: attribute("source"), id: attribute("id"),
		actor: attribute("actor"), correlationID: attribute("correlationid"), traceparent: validTrace(attribute("traceparent")),
	}
}

// EventType returns the type of the event in a message, or "" if it has none.
func EventType(m upstream.Message) string {
	event, _ := readEvent(m)
	return event.kind
}

func readBinary(m upstream.Message) (cloudEvent, *Poison) {
	e := newEvent(func(name string) string { return textHeader(m.Header, "ce-"+name) })
	e.traceparent, e.data = cmp.Or(validTrace(header(m.Header, "traceparent")), e.traceparent), m.Data
	return e, checkSum(m)
}

// readStructured decodes the JSON event format. An invalid attribute does not affect the others.
func readStructured(m upstream.Message) (cloudEvent, *Poison) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(trimmed(m.Data), &members); err != nil {
		return cloudEvent{}, poisonf(Unreadable, "%v", err)
	}
	e := newEvent(func(name string) string { return jsonText(members[name]) })
	e.structured = members["specversion"] != nil // also if it cannot be understood
	if e.data = members["data"]; e.kind == "" {
		return e, poisonf(Unreadable, "it has no type")
	}
	if encoded := strings.TrimRight(jsonText(members["data_base64"]), "="); encoded != "" {
		var err error
		if e.data, err = base64.RawStdEncoding.DecodeString(encoded); err != nil {
			return e, poisonf(Unreadable, "data_base64: %v", err)
		}
	}
	return e, nil
}

// jsonText returns the text of a JSON string, the literal of a number or boolean, and "" for anything else.
func jsonText(raw json.RawMessage) (text string) {
	switch {
	case len(raw) == 0 || string(raw) == "null" || raw[0] == '{' || raw[0] == '[':
		return ""
	case raw[0] == '"':
		_ = json.Unmarshal(raw, &text) // it is valid: the document was read
		return text
	}
	return string(raw)
}

// trimmed returns a JSON text without byte order mark and surrounding white space.
func trimmed(data []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))
}

// checkSum returns poison if a message has a checksum that does not match.
func checkSum(m upstream.Message) *Poison {
	stated := header(m.Header, "ce-checksum")
	if stated == "" {
		return nil
	}
	sum := eventstore.Checksum(m.Subject, header(m.Header, "ce-id"), header(m.Header, "ce-type"), header(m.Header, "ce-clientversion"), header(m.Header, "ce-time"), m.Data)
	if own := fmt.Sprintf("%016x", sum); !strings.EqualFold(own, stated) {
		return poisonf(Unreadable, "its checksum is %s and not %s", own, stated)
	}
	return nil
}

// textHeader returns a header that may contain any text: percent-encoded, and possibly quoted.
func textHeader(h nats.Header, name string) string {
	value := strings.TrimSpace(header(h, name))
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : len(value)-1])
	}
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// header returns the first value of a header, ignoring the case of its name. Of names that differ in case only, the first
// in alphabetical order counts, so that all replicas read the same.
func header(h nats.Header, name string) string {
	if value := h.Get(name); value != "" {
		return value
	}
	first := ""
	for key, values := range h {
		if strings.EqualFold(key, name) && len(values) > 0 && values[0] != "" && (first == "" || key < first) {
			first = key
		}
	}
	return h.Get(first)
}
