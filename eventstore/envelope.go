package eventstore

import (
	"errors"
	"fmt"
	"hash/crc64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"clients/domain"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// Headers of a stored event: CloudEvents 1.0 in binary mode, with our extensions.
const (
	headerSpecVersion   = "ce-specversion"
	headerID            = "ce-id"
	headerType          = "ce-type"
	headerSource        = "ce-source"
	headerSubject       = "ce-subject"
	headerTime          = "ce-time"
	headerActor         = "ce-actor"
	headerCorrelationID = "ce-correlationid"
	headerCausationID   = "ce-causationid"
	headerVersion       = "ce-clientversion"
	headerChecksum      = "ce-checksum"
	headerTraceparent   = "traceparent"
	headerContentType   = "content-type"

	specVersion = "1.0"
	source      = "/clients"
	contentType = "application/json"

	uuidLength = 36 // with hyphens: package uuid also reads other forms
)

// maxEvent is more than the largest event takes: details of which JSON escapes every character, and three short
// texts, and the headers.
const maxEvent = 2*domain.MaxDetails + 3*6*domain.MaxText + 64<<10

// Record is a message of the stream as it is read back.
type Record struct {
	Sequence        uint64
	Subject         string
	StoredAt        time.Time // by the clock of the stream's leader: it may run backwards where the leader changes
	ClientID        int64     // of the subject; 0 when the subject is not one of a client
	Type            string    // as it is stored; empty for a foreign message
	domain.Envelope           // but for the Account, which is the subject's, empty for a foreign message
	Checksum        uint64
	Data            []byte // of an event, as it is stored
	// Reference is what was learned of other services, on an internal subject; nil for an event.
	Reference *domain.ReferenceEvent
	// Removal says why other messages are missing, on an internal subject; nil for an event.
	Removal *Removal
	// Removed says that a Removal accounts for the message, whether it is still there or not. Of its content only the Account,
	// the ClientID, the Type and Foreign are known, as far as the Removal has them.
	Removed bool
	// Foreign says why the message is not an event; "" when it is one. It is set when the message is decoded: whether an
	// event is foreign because of the events in front of it is for the read model to say.
	Foreign string
}

// Revision is the revision of the client that the event led to.
func (r Record) Revision() domain.Revision {
	return domain.Revision{Version: r.Version, Checksum: r.Checksum}
}

// IsDeletion reports whether the message is, or was, the deletion of a client.
func (r Record) IsDeletion() bool { return r.Type == typeDeleted }

// IsErasure reports whether the message is the erasure of a client.
func (r Record) IsErasure() bool {
	_, erasure := r.Event.(domain.ClientErased)
	return erasure
}

// encode returns the message for an event, and the revision that the client then has. The same envelope always gives the
// same message.
func encode(e domain.Envelope) (*nats.Msg, domain.Revision, error) {
	kind, data, err := marshal(e.Event)
	if err != nil {
		return nil, domain.Revision{}, err
	}
	msg, sum := newMessage(subjectOf(e.Account, e.Event.Client()), data, attributes{
		id:            e.EventID,
		kind:          kind,
		subject:       strconv.FormatInt(e.Event.Client(), 10),
		time:          clock(e.Time),
		version:       strconv.FormatUint(e.Version, 10),
		actor:         escape(e.Actor),
		correlationID: escape(e.CorrelationID),
		causationID:   escape(e.CausationID),
		traceparent:   bounded(e.Traceparent),
	})
	return msg, domain.Revision{Version: e.Version, Checksum: sum}, nil
}

// attributes are the texts of headers. Those that are empty are left out.
type attributes struct {
	id, kind, subject, time, version, actor, correlationID, causationID, traceparent string
}

// maxHeaders is how many headers an event has, with those of its condition and of a batch.
const maxHeaders = 20

// newMessage returns a message with its checksum.
func newMessage(subject string, data []byte, a attributes) (*nats.Msg, uint64) {
	sum := Checksum(subject, a.id, a.kind, a.version, a.time, data)
	headers := [...]struct{ name, value string }{
		{nats.MsgIdHdr, a.id}, {headerSpecVersion, specVersion}, {headerSource, source}, {headerChecksum, hexSum(sum)},
		{headerContentType, contentType}, {headerID, a.id}, {headerType, a.kind}, {headerSubject, a.subject}, {headerTime, a.time},
		{headerVersion, a.version}, {headerActor, a.actor}, {headerCorrelationID, a.correlationID}, {headerCausationID, a.causationID},
		{headerTraceparent, a.traceparent},
	}
	header := make(nats.Header, maxHeaders)
	values := make([]string, len(headers)) // one allocation for all
	for i, h := range headers {
		if h.value != "" {
			values[i] = h.value
			header[h.name] = values[i : i+1 : i+1]
		}
	}
	return &nats.Msg{Subject: subject, Header: header, Data: data}, sum
}

// Decode reads back a message of the stream of events. A message without a valid envelope becomes a Record that says so in
// Foreign. For a message that has one and is not what was stored the error is a *CorruptError or an *UnknownEventError; the
// Record then holds its sequence, subject and type.
func Decode(sequence uint64, at time.Time, subject string, header nats.Header, data []byte) (Record, error) {
	r := Record{Sequence: sequence, Subject: subject, StoredAt: at}
	prefix, read := typePrefix, (*Record).readEvent
	if isInternalSubject(subject) {
		prefix, read = referenceTypePrefix, (*Record).readReference
	} else if r.Account, r.ClientID = parseSubject(subject); r.Account == "" {
		r.Foreign = "not the subject of a client"
		return r, nil
	}
	kind, id := header.Get(headerType), header.Get(headerID)
	if !isStored(header, prefix) || prefix == typePrefix && !r.readEnvelope(header) {
		return r.foreign(), nil
	}
	r.Type = kind
	sum := Checksum(subject, id, kind, header.Get(headerVersion), header.Get(headerTime), data)
	if stated := header.Get(headerChecksum); stated != hexSum(sum) {
		return r, r.corrupt("checksum %016x does not match the stated %q", sum, stated)
	}
	if prefix == typePrefix && header.Get(headerSubject) != strconv.FormatInt(r.ClientID, 10) {
		return r.foreign(), nil
	}
	if err := read(&r, header, data); err != nil {
		return r, err
	}
	if r.Event != nil {
		r.Checksum, r.Data = sum, data
	}
	return r, nil
}

// isStored reports whether a message claims to be one of the service whose type begins with a prefix.
func isStored(header nats.Header, prefix string) bool {
	return header.Get(headerSpecVersion) == specVersion && header.Get(headerID) != "" && header.Get(headerChecksum) != "" &&
		strings.HasPrefix(header.Get(headerType), prefix)
}

// foreign returns the record of a message without a valid envelope.
func (r Record) foreign() Record {
	return Record{
		Sequence: r.Sequence, Subject: r.Subject, StoredAt: r.StoredAt, ClientID: r.ClientID,
		Envelope: domain.Envelope{Account: r.Account}, Foreign: "no valid envelope",
	}
}

// readEnvelope reads the headers of an event. It returns false, and changes nothing, unless they are a valid envelope: those
// that every release has stored with every event are there, each in its form. A version above all that a client can have is
// in its form. Which client they name is checked behind the checksum, so that an event of another client is corruption.
func (r *Record) readEnvelope(header nats.Header) bool {
	version := header.Get(headerVersion)
	number, err := strconv.ParseUint(version, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || version[0] == '0' {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, header.Get(headerTime))
	id := header.Get(headerID)
	if err != nil || len(id) != uuidLength || uuid.Validate(id) != nil || header.Get(headerSource) != source ||
		header.Get(headerSubject) == "" || header.Get(headerContentType) != contentType {
		return false
	}
	r.Version, r.Time, r.EventID = number, at, id
	r.Actor = unescape(header.Get(headerActor))
	r.CorrelationID = unescape(header.Get(headerCorrelationID))
	r.CausationID = unescape(header.Get(headerCausationID))
	r.Traceparent = header.Get(headerTraceparent)
	return true
}

func (r *Record) corrupt(format string, args ...any) error {
	return &CorruptError{Sequence: r.Sequence, Reason: fmt.Sprintf(format, args...)}
}

// bodyError returns the error for a body that cannot be decoded.
func (r *Record) bodyError(err error) error {
	if errors.Is(err, errUnknownType) {
		return &UnknownEventError{Sequence: r.Sequence, Type: r.Type}
	}
	return r.corrupt("%s: %v", r.Type, err)
}

// readEvent reads the data of the event of a client.
func (r *Record) readEvent(_ nats.Header, data []byte) (err error) {
	if r.Event, err = unmarshal(r.Type, data); err != nil {
		return r.bodyError(err)
	}
	if r.Event.Client() != r.ClientID {
		return r.corrupt("event of client %d under the subject of client %d", r.Event.Client(), r.ClientID)
	}
	return nil
}

// headerLimit bounds what others have a say in: all headers of a message together may take 64 KiB.
const headerLimit = 1024

func bounded(value string) string {
	if len(value) <= headerLimit {
		return value
	}
	return strings.ToValidUTF8(value[:headerLimit], "")
}

func escape(value string) string { return url.PathEscape(bounded(value)) }

func unescape(value string) string {
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

var crcTable = crc64.MakeTable(crc64.ECMA)

// Checksum is CRC-64/XZ (crc64.ECMA) over the parts of an envelope that it covers, each followed by a zero byte.
func Checksum(subject, id, kind, version, at string, data []byte) uint64 {
	var room [1 << 10]byte // on the stack, for most events
	parts := room[:0]
	for _, part := range []string{subject, id, kind, version, at} {
		parts = append(append(parts, part...), 0)
	}
	parts = append(append(parts, data...), 0)
	return crc64.Checksum(parts, crcTable)
}

func hexSum(sum uint64) string { return fmt.Sprintf("%016x", sum) }

const subjectPrefix = "clients."

func subjectOf(account string, clientID int64) string {
	return subjectPrefix + account + "." + strconv.FormatInt(clientID, 10)
}

// parseSubject returns "" for a subject that no client can have.
func parseSubject(subject string) (account string, clientID int64) {
	rest, ok := strings.CutPrefix(subject, subjectPrefix)
	account, id, found := strings.Cut(rest, ".")
	clientID, err := strconv.ParseInt(id, 10, 64)
	if !ok || !found || err != nil || clientID < 1 || subjectOf(account, clientID) != subject || !domain.ValidAccount(account) {
		return "", 0
	}
	return account, clientID
}
