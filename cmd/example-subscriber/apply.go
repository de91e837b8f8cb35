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
	body, err := read(kind, data)
	if err != nil || string(body["id"]) != id {
		return false, errors.Join(errors.New("an event that this program cannot read: update it"), err)
	}
	s.Clock = max(s.Clock, at)
	version, _ := strconv.Atoi(h.Get("ce-clientversion"))
	client, next := s.Clients[id], 1
	if client != nil {
		last, _ := strconv.Atoi(string(client["cache_version"]))
		next = last + 2
	}
	created, erased := strings.HasSuffix(kind, "Created"), strings.HasSuffix(kind, "Erased")
	switch {
	case version < next, s.Gone[id] && !erased, client == nil && !created && !erased: // the last was deleted before the list was taken
		return false, nil
	case erased, client != nil && version == next && strings.HasSuffix(kind, "Deleted"):
		delete(s.Clients, id)
		s.Gone[id] = true
		return true, nil
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

// read returns the members of an event's data. It fails for an unknown type, and for data that the service cannot read either.
func read(kind, data string) (body map[string]json.RawMessage, err error) {
	var typed struct {
		Name, Currency, Details string
		Active                  bool
		Symbol                  string   `json:"currency_symbol"`
		HighriseID              int64    `json:"highrise_id"`
		Timeframe               string   `json:"default_invoice_timeframe"`
		Kind                    string   `json:"last_invoice_kind"`
		Erased                  []uint64 `json:"erased"`
	}
	err = errors.Join(json.Unmarshal([]byte(data), &body), json.Unmarshal([]byte(data), &typed))
	for _, name := range []string{"name", "currency", "active"} {
		if strings.HasSuffix(kind, "Updated") && string(body[name]) == "null" {
			err = errors.Join(err, errors.New(name+" is null"))
		}
	}
	if !known.MatchString(kind) {
		err = errors.Join(err, errors.New("unknown type"))
	}
	return body, err
}

func quoted(text string) json.RawMessage { return json.RawMessage(strconv.Quote(text)) }
