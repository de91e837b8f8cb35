package ingest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
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
}

// The media types of CloudEvents. A suffix names the event format.
const (
	typeStructured = "application/cloudevents"
	typeBatch      = "application/cloudevents-batch"
)

// readEvent decodes a message by the NATS binding of CloudEvents. A content type of CloudEvents decides the mode. Without
// one, a ce-type means binary mode, and a body with a specversion structured mode: the SDKs send it without headers.
func readEvent(m upstream.Message) (cloudEvent, *Poison) {
	switch contentType := contentTypeOf(m.Header); {
	case contentType == typeStructured, contentType == typeStructured+"+json":
		return readStructured(m)
	case strings.HasPrefix(contentType, typeBatch):
		return cloudEvent{}, poisonf(Unreadable, "it is a batch of events")
	case contentType != "":
		return cloudEvent{}, poisonf(Unreadable, "the event format %s is not supported", contentType)
	case textHeader(m.Header, "ce-type") != "":
		return readBinary(m)
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(trimmed(m.Data), &body) != nil || body["specversion"] == nil {
		return cloudEvent{}, poisonf(Unreadable, "it has no ce-type")
	}
	return readStructured(m)
}

// EventType returns the type of the event in a message, or "" if it has none.
func EventType(m upstream.Message) string {
	event, _ := readEvent(m)
	return event.kind
}

// contentTypeOf returns the content type of CloudEvents of a message, without parameters, or "". Of several, the first in
// alphabetical order counts.
func contentTypeOf(h nats.Header) (first string) {
	for name, values := range h {
		if !strings.EqualFold(name, "content-type") {
			continue
		}
		for _, value := range values {
			mediaType, _, err := mime.ParseMediaType(value)
			if err != nil {
				mediaType, _, _ = strings.Cut(strings.ToLower(value), ";")
			}
			mediaType = strings.TrimSpace(mediaType)
			if strings.HasPrefix(mediaType, typeStructured) && (first == "" || mediaType < first) {
				first = mediaType
			}
		}
	}
	return first
}

func readBinary(m upstream.Message) (cloudEvent, *Poison) {
	e := cloudEvent{
		kind: textHeader(m.Header, "ce-type"), source: textHeader(m.Header, "ce-source"), id: textHeader(m.Header, "ce-id"),
		actor: textHeader(m.Header, "ce-actor"), correlationID: textHeader(m.Header, "ce-correlationid"),
		traceparent: cmp.Or(header(m.Header, "traceparent"), textHeader(m.Header, "ce-traceparent")), data: m.Data,
	}
	return e, checkSum(m)
}

// structuredEvent is the JSON event format. Each attribute is decoded by itself: an invalid one does not affect the others.
type structuredEvent struct {
	Type          json.RawMessage `json:"type"`
	Source        json.RawMessage `json:"source"`
	ID            json.RawMessage `json:"id"`
	Actor         json.RawMessage `json:"actor"`
	CorrelationID json.RawMessage `json:"correlationid"`
	Traceparent   json.RawMessage `json:"traceparent"`
	Data          json.RawMessage `json:"data"`
	DataBase64    json.RawMessage `json:"data_base64"`
}

func readStructured(m upstream.Message) (cloudEvent, *Poison) {
	var s structuredEvent
	if err := json.Unmarshal(trimmed(m.Data), &s); err != nil {
		return cloudEvent{}, poisonf(Unreadable, "%v", err)
	}
	e := cloudEvent{
		kind: jsonText(s.Type), source: jsonText(s.Source), id: jsonText(s.ID),
		actor: jsonText(s.Actor), correlationID: jsonText(s.CorrelationID), traceparent: jsonText(s.Traceparent), data: s.Data,
	}
	if e.kind == "" {
		return e, poisonf(Unreadable, "it has no type")
	}
	if encoded := strings.TrimRight(jsonText(s.DataBase64), "="); encoded != "" {
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
