package eventstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"clients/domain"

	"github.com/nats-io/nats.go"
)

// The types of stored facts. They are internal, and are read for ever nevertheless: see codec.go.
const (
	factPrefix         = "client-references.v"
	typeProjectFact    = "client-references.v1.ProjectRecorded"
	typeInvoiceFact    = "client-references.v1.InvoiceRecorded"
	typePositionPassed = "client-references.v1.PositionPassed"
)

type (
	positionV1 struct {
		Stream   string    `json:"stream"`
		Created  time.Time `json:"created"`
		Sequence uint64    `json:"sequence"`
		Round    int       `json:"round,omitempty"`
		Previous uint64    `json:"previous,omitempty"`
		StoredAt time.Time `json:"stored_at,omitzero"`
		EventID  string    `json:"event_id,omitempty"`
	}
	factV1 struct {
		Source    positionV1 `json:"source"`
		Recorder  string     `json:"recorder"`
		Late      bool       `json:"late,omitempty"`
		Change    string     `json:"change,omitempty"`
		ID        int64      `json:"id,omitempty"`
		ClientID  int64      `json:"client_id,omitempty"`
		Active    *bool      `json:"active,omitempty"`
		Kind      string     `json:"kind,omitempty"`
		Timeframe string     `json:"timeframe,omitempty"`
	}
)

// encodeFact makes the message for a fact.
func encodeFact(f domain.ReferenceEvent, eventID string, at time.Time) (*nats.Msg, error) {
	kind, subject := typePositionPassed, passedSubject(f.Source.Stream)
	switch f.Kind {
	case domain.Project:
		kind, subject = typeProjectFact, referenceSubjectOf(f.Account, f.Subject)
	case domain.Invoice:
		kind, subject = typeInvoiceFact, referenceSubjectOf(f.Account, f.Subject)
	}
	data, err := encodeJSON(factV1{
		Source: positionV1{
			Stream: f.Source.Stream, Created: f.Source.Created.UTC(), Sequence: f.Source.Sequence, Round: f.Source.Generation, Previous: f.Previous,
			StoredAt: f.StoredAt.UTC(), EventID: f.EventID,
		},
		Recorder: f.Replica, Late: f.Late, Change: string(f.Operation), ID: f.ID, ClientID: f.ClientID, Active: f.Active,
		Kind: f.InvoiceKind, Timeframe: f.InvoiceTimeframe,
	})
	if err != nil {
		return nil, err
	}
	clock := at.UTC().Format(time.RFC3339Nano)
	header := nats.Header{
		nats.MsgIdHdr:     {eventID},
		headerSpecVersion: {specVersion},
		headerID:          {eventID},
		headerType:        {kind},
		headerSource:      {source},
		headerTime:        {clock},
		headerChecksum:    {hexSum(Checksum(subject, eventID, kind, "", clock, data))},
		headerContentType: {contentType},
	}
	if f.Subject != 0 {
		header[headerSubject] = []string{strconv.FormatInt(f.Subject, 10)}
	}
	for name, value := range map[string]string{headerCorrelationID: f.CorrelationID, headerCausationID: f.CausationID} {
		if value != "" {
			header[name] = []string{escape(value)}
		}
	}
	return &nats.Msg{Subject: subject, Header: header, Data: data}, nil
}

// factID names a fact after the message that it was learned from, so that the stream keeps the first of those that two
// replicas record; what happens by itself has a name of its own.
func factID(f domain.ReferenceEvent, at time.Time) string {
	id := fmt.Sprintf("%s:%d:%d", f.Source.Stream, f.Source.Created.UnixNano(), f.Source.Sequence)
	if f.Source.Generation > 0 {
		id += fmt.Sprintf(":round:%d", f.Source.Generation)
	}
	if f.Late {
		id += fmt.Sprintf(":late:%d", at.UnixNano())
	}
	return id
}

// decodeFact reads back what stands on an internal subject; see decode.
func decodeFact(r Record, header nats.Header, data []byte) (Record, error) {
	kind := header.Get(headerType)
	if header.Get(headerSpecVersion) != specVersion || header.Get(headerID) == "" || header.Get(headerChecksum) == "" || !strings.HasPrefix(kind, factPrefix) {
		r.Foreign = "no valid envelope"
		return r, nil
	}
	r.Type = kind
	sum := Checksum(r.Subject, header.Get(headerID), kind, header.Get(headerVersion), header.Get(headerTime), data)
	if stated := header.Get(headerChecksum); stated != hexSum(sum) {
		return r, &CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf("checksum %016x does not match the stated %q", sum, stated)}
	}
	fact, err := unmarshalFact(kind, data)
	if errors.Is(err, errUnknownType) {
		return r, &UnknownEventError{Sequence: r.Sequence, Type: kind}
	}
	if err != nil {
		return r, &CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf("%s: %v", kind, err)}
	}
	fact.CorrelationID = unescape(header.Get(headerCorrelationID))
	fact.CausationID = unescape(header.Get(headerCausationID))
	fact.Account, fact.Subject = parseReferenceSubject(r.Subject)
	if (fact.Kind == domain.NoReference) != (fact.Subject == 0) {
		return r, &CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf("%s under the subject %s", kind, r.Subject)}
	}
	r.Reference = &fact
	return r, nil
}

func unmarshalFact(kind string, data []byte) (domain.ReferenceEvent, error) {
	things := map[string]domain.ReferenceKind{typeProjectFact: domain.Project, typeInvoiceFact: domain.Invoice, typePositionPassed: domain.NoReference}
	thing, known := things[kind]
	if !known {
		return domain.ReferenceEvent{}, errUnknownType
	}
	v, err := decodeJSON[factV1](data)
	return domain.ReferenceEvent{
		Source:   domain.Position{Stream: v.Source.Stream, Created: v.Source.Created, Sequence: v.Source.Sequence, Generation: v.Source.Round},
		Previous: v.Source.Previous, StoredAt: v.Source.StoredAt, EventID: v.Source.EventID, Kind: thing, Operation: domain.Operation(v.Change), ID: v.ID, ClientID: v.ClientID,
		Active: v.Active, InvoiceKind: v.Kind, InvoiceTimeframe: v.Timeframe, Late: v.Late, Replica: v.Recorder,
	}, err
}

const referencePrefix = "client-references."

func referenceSubjectOf(account string, clientID int64) string {
	return referencePrefix + account + "." + strconv.FormatInt(clientID, 10)
}

// passedSubject holds how far a stream has been passed where nothing was learned. Its second token is no account.
func passedSubject(stream string) string { return referencePrefix + "PASSED." + stream }

// parseReferenceSubject answers "" for a subject that no client can have.
func parseReferenceSubject(subject string) (account string, clientID int64) {
	rest, ok := strings.CutPrefix(subject, referencePrefix)
	if !ok {
		return "", 0
	}
	return parseSubject(subjectPrefix + rest)
}

// ofReferences reports whether subject is one of those that facts are kept under.
func ofReferences(subject string) bool {
	account, _ := parseReferenceSubject(subject)
	return account != "" || strings.HasPrefix(subject, passedSubject(""))
}
