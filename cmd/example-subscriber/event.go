package main

import (
	"errors"
	"fmt"
	"hash/crc64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// event is a decoded message of the stream.
type event struct {
	sequence uint64
	storedAt time.Time
	account  string
	client   int64
	kind     string
	version  uint64 // 1 for the creation of the client
	data     []byte
}

const clientDeleted = "clients.v1.ClientDeleted"

// known are the types of events that apply supports.
var known = []string{
	"clients.v1.ClientCreated", "clients.v1.ClientUpdated", "clients.v1.ClientToggled",
	"clients.v1.ClientInvoiceDefaultsChanged", clientDeleted,
}

// errStray means that a message is foreign: not an event of the service, or one that does not count.
var errStray = errors.New("foreign message")

// read decodes a message. The error is errStray if the service did not write it; any other describes the fault of an event.
func read(msg jetstream.Msg, at *jetstream.MsgMetadata) (event, error) {
	header := msg.Headers()
	e := event{sequence: at.Sequence.Stream, storedAt: at.Timestamp, kind: header.Get("ce-type"), data: msg.Data()}
	tokens := strings.Split(msg.Subject(), ".")
	if len(tokens) != 3 || header.Get("ce-specversion") != "1.0" || header.Get("ce-id") == "" || header.Get("ce-checksum") == "" ||
		!strings.HasPrefix(e.kind, "clients.v") {
		return e, errStray
	}
	var err error
	e.account = tokens[1]
	if e.client, err = strconv.ParseInt(tokens[2], 10, 64); err != nil {
		return e, errStray
	}
	var covered []byte
	for _, part := range []string{
		msg.Subject(), header.Get("ce-id"), e.kind, header.Get("ce-clientversion"), header.Get("ce-time"), string(e.data),
	} {
		covered = append(append(covered, part...), 0)
	}
	if sum := fmt.Sprintf("%016x", crc64.Checksum(covered, crc64.MakeTable(crc64.ECMA))); sum != header.Get("ce-checksum") {
		return e, fmt.Errorf("sequence %d: its checksum is %s and not %s", e.sequence, sum, header.Get("ce-checksum"))
	}
	if !slices.Contains(known, e.kind) {
		return e, fmt.Errorf("sequence %d: %s is of a newer service: update this subscriber first", e.sequence, e.kind)
	}
	if e.version, err = strconv.ParseUint(header.Get("ce-clientversion"), 10, 64); err != nil {
		return e, fmt.Errorf("sequence %d: version %q", e.sequence, header.Get("ce-clientversion"))
	}
	return e, nil
}
