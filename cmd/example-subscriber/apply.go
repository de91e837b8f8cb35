package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"regexp"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	names = strings.Fields("ce-specversion ce-id ce-source ce-subject ce-time ce-clientversion ce-checksum content-type ce-type")
	valid = regexp.MustCompile(`^1\.0\n[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\n/clients\n.+\n\d{4}-\d\d-\d\dT.+\n` +
		`[1-9][0-9]*\n.+\napplication/json\nclients\..+$`)
	known      = regexp.MustCompile(`^clients\.v1\.Client(Created|Updated|Toggled|InvoiceDefaultsChanged|Deleted|Erased)$`)
	attributes = strings.Fields("name highrise_id currency currency_symbol active details default_invoice_timeframe last_invoice_kind")
)

// take moves the position on to a message, and applies it if it is an event.
func (s *state) take(msg jetstream.Msg, sequence uint64, at string) error {
	id := msg.Headers().Get("ce-id")
	switch {
	case sequence == s.Sequence && s.ID != "" && id != s.ID:
		return errStartOver
	case sequence <= s.Sequence:
		return nil
	}
	applied, err := s.apply(msg.Subject(), msg.Headers(), string(msg.Data()), at)
	if err != nil {
		return errors.Join(fmt.Errorf("sequence %d: %w", sequence, err), s.save())
	}
	s.Sequence, s.ID = sequence, id
	fmt.Println(sequence, msg.Headers().Get("ce-type"), applied)
	return nil
}

// apply returns false for a message that is no event, or that its client already has: see EVENTS.md.
func (s *state) apply(subject string, h nats.Header, data, at string) (applied bool, err error) {
	var values []string
	for _, name := range names {
		values = append(values, h.Get(name))
	}
	tokens := strings.Split(subject, ".")
	if len(tokens) != 3 || !valid.MatchString(strings.Join(values, "\n")) {
		return false, nil
	}
	id, kind := tokens[2], h.Get("ce-type")
	covered := strings.Join([]string{subject, h.Get("ce-id"), kind, h.Get("ce-clientversion"), h.Get("ce-time"), data, ""}, "\x00")
	if fmt.Sprintf("%016x", crc64.Checksum([]byte(covered), crc64.MakeTable(crc64.ECMA))) != h.Get("ce-checksum") {
		return false, errors.New("wrong checksum")
	}
	if h.Get("ce-subject") != id {
		return false, nil
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal([]byte(data), &body); err != nil || !known.MatchString(kind) || string(body["id"]) != id {
		return false, errors.Join(errors.New("an event that this program cannot read: update it"), err)
	}
	s.Clock = max(s.Clock, at)
	version, _ := strconv.Atoi(h.Get("ce-clientversion"))
	client, next := s.Clients[id], 1
	if client != nil {
		last, _ := strconv.Atoi(string(client["cache_version"]))
		next = last + 2
	}
	created := strings.HasSuffix(kind, "Created")
	switch {
	case strings.HasSuffix(kind, "Erased"), client != nil && version == next && strings.HasSuffix(kind, "Deleted"):
		delete(s.Clients, id)
		s.Gone[id] = true
		return true, nil
	case s.Gone[id], version < next, client == nil && !created: // the last was deleted before the list was taken
		return false, nil
	case version != next, created != (client == nil):
		return false, errors.New("an event that does not continue its client")
	case created:
		null := json.RawMessage("null")
		client = map[string]json.RawMessage{"created_at": quoted(s.Clock), "default_invoice_timeframe": null, "last_invoice_kind": null}
		client["id"], s.Clients[id] = json.RawMessage(id), client
	}
	for _, name := range attributes {
		value, named := body[name]
		if name == "details" && string(value) == "null" {
			value = quoted("")
		}
		if named {
			client[name] = value
		}
	}
	client["updated_at"], client["cache_version"] = quoted(s.Clock), json.RawMessage(strconv.Itoa(version-1))
	return true, nil
}

func quoted(text string) json.RawMessage { return json.RawMessage(strconv.Quote(text)) }
