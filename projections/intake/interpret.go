package intake

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// kind is what a type of event says.
type kind struct {
	thing  domain.Thing
	change domain.Change
	// client and active tell that the event is of no use without naming them.
	client, active bool
}

// kinds are the types of events of each stream that are understood.
var kinds = map[string]map[string]kind{
	eventstore.Projects.Stream: {
		"projects.v1.ProjectCreated": {thing: domain.Project, change: domain.Created, client: true},
		"projects.v1.ProjectUpdated": {thing: domain.Project, change: domain.Changed},
		"projects.v1.ProjectToggled": {thing: domain.Project, change: domain.Changed, active: true},
		"projects.v1.ProjectDeleted": {thing: domain.Project, change: domain.Deleted},
	},
	eventstore.Invoices.Stream: {
		"invoices.v1.InvoiceCreated": {thing: domain.Invoice, change: domain.Created, client: true},
		"invoices.v1.InvoiceUpdated": {thing: domain.Invoice, change: domain.Changed},
		"invoices.v1.InvoiceDeleted": {thing: domain.Invoice, change: domain.Deleted},
	},
}

// said is the data of all those events: what is nil was not named.
type said struct {
	ID          *whole          `json:"id"`
	ClientID    *whole          `json:"client_id"`
	Active      *bool           `json:"active"`
	Kind        json.RawMessage `json:"kind"`
	PeriodStart json.RawMessage `json:"period_start"`
	PeriodEnd   json.RawMessage `json:"period_end"`
}

// whole is a whole number, however JSON writes it: 3.0 and 3e0 are 3.
type whole int64

// UnmarshalJSON reads one.
func (w *whole) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err == nil {
		*w = whole(n)
		return nil
	}
	const exact = 1 << 53
	float, err := strconv.ParseFloat(string(data), 64)
	if err != nil || float != math.Trunc(float) || math.Abs(float) > exact {
		return unusablef(Unreadable, "%s is not a whole number", data)
	}
	*w = whole(float)
	return nil
}

// interpret reads what another service says. It is lenient with the envelope, for what can be understood may be what
// keeps a client from being deleted. The error is an *Unusable; the fact is empty for a message that is gone.
func interpret(m eventstore.SourceMessage) (domain.Fact, error) {
	fact := domain.Fact{
		Source: positionOf(m), StoredAt: m.StoredAt,
	}
	if m.Gone {
		return fact, nil
	}
	eventType := header(m.Header, "ce-type")
	if err := checkEnvelope(m, eventType); err != nil {
		return fact, err
	}
	k, known := kinds[m.Stream][eventType]
	if !known {
		return fact, unusablef(UnknownType, "%s", eventType)
	}
	var data said
	if err := json.Unmarshal(bytes.TrimPrefix(m.Data, []byte("\xEF\xBB\xBF")), &data); err != nil {
		return fact, unusablef(Unreadable, "%v", err)
	}
	account, id, err := subjectOf(m.Subject)
	if err != nil {
		return fact, err
	}
	if data.ID != nil && int64(*data.ID) != id {
		return fact, unusablef(Unreadable, "id %d on subject %s", *data.ID, m.Subject)
	}
	fact.EventID = eventID(m)
	fact.CausationID = fact.EventID
	fact.CorrelationID = brief(plain(header(m.Header, "ce-correlationid")))
	fact.Account, fact.ID = account, id
	if err := data.tell(&fact, k); err != nil {
		return fact, err
	}
	fact.Thing, fact.Change = k.thing, k.change
	return fact, nil
}

func positionOf(m eventstore.SourceMessage) domain.Position {
	return domain.Position{Stream: m.Stream, Created: m.Created, Sequence: m.Sequence, Round: m.Round}
}

// tell writes down what is said, provided that it is what such an event has to say.
func (s said) tell(fact *domain.Fact, k kind) error {
	if s.ClientID != nil {
		if fact.ClientID = int64(*s.ClientID); fact.ClientID < 1 {
			return unusablef(Unreadable, "client_id is %d", fact.ClientID)
		}
	} else if k.client {
		return unusablef(Unreadable, "it names no client_id")
	}
	if k.thing == domain.Project {
		if s.Active == nil && k.active {
			return unusablef(Unreadable, "it does not say whether the project is active")
		}
		if fact.Active = s.Active; s.Active == nil && k.change == domain.Created {
			active := true
			fact.Active = &active
		}
		return nil
	}
	if k.change == domain.Deleted { // its kind and period are of no interest any more
		return nil
	}
	// An invoice that names its client keeps it from being deleted, whatever else of it cannot be understood.
	kind, kindErr := invoiceKind(s.Kind)
	frame, frameErr := timeframe(s.PeriodStart, s.PeriodEnd)
	if err := cmp.Or(kindErr, frameErr); err != nil && s.ClientID == nil {
		return err
	}
	fact.InvoiceKind, fact.InvoiceTimeframe = kind, frame
	return nil
}

// textOf reads what has to be a text; null and nothing are the empty one.
func textOf(name string, raw json.RawMessage) (text string, err error) {
	if len(raw) > 0 && json.Unmarshal(raw, &text) != nil {
		return "", unusablef(Unreadable, "its %s is not a text", name)
	}
	return text, nil
}

func invoiceKind(raw json.RawMessage) (string, error) {
	kind, err := textOf("kind", raw)
	if len(kind) > maxKind {
		return "", unusablef(Unreadable, "its kind is %d bytes long", len(kind))
	}
	return kind, err
}

// timeframe is a period as clients show it: 20110101,20111231. It takes both ends to make one, in their order.
func timeframe(start, end json.RawMessage) (string, error) {
	var ends []string
	for _, raw := range []json.RawMessage{start, end} {
		day, err := textOf("period", raw)
		if err != nil {
			return "", err
		}
		if day == "" {
			continue
		}
		date, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return "", unusablef(Unreadable, "%q is not a day", day)
		}
		ends = append(ends, date.Format("20060102"))
	}
	if len(ends) < 2 {
		return "", nil
	}
	if ends[0] > ends[1] {
		return "", unusablef(Unreadable, "its period ends before it begins")
	}
	return strings.Join(ends, ","), nil
}

// checkEnvelope refuses what is no event at all, or is not the one that was sent.
func checkEnvelope(m eventstore.SourceMessage, eventType string) error {
	if eventType == "" {
		return unusablef(Unreadable, "it has no ce-type")
	}
	if version := header(m.Header, "ce-specversion"); version != "" && version != "1.0" {
		return unusablef(Unreadable, "ce-specversion is %q", version)
	}
	stated := header(m.Header, "ce-checksum")
	if stated == "" {
		return nil
	}
	sum := eventstore.Checksum(m.Subject, header(m.Header, "ce-id"), eventType, header(m.Header, "ce-clientversion"), header(m.Header, "ce-time"), m.Data)
	if own := fmt.Sprintf("%016x", sum); !strings.EqualFold(own, stated) {
		return unusablef(Unreadable, "its checksum is %s and not %s", own, stated)
	}
	return nil
}

// subjectOf reads <service>.<account>.<id>.
func subjectOf(subject string) (account string, id int64, err error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 3 || !domain.ValidAccount(tokens[1]) {
		return "", 0, unusablef(Unreadable, "the subject is %s", subject)
	}
	id, parseErr := strconv.ParseInt(tokens[2], 10, 64)
	if parseErr != nil || id < 1 || strconv.FormatInt(id, 10) != tokens[2] {
		return "", 0, unusablef(Unreadable, "the subject is %s", subject)
	}
	return tokens[1], id, nil
}

// What is taken over from a message is stored in headers, which are limited altogether: a longer id is no id.
const (
	maxID   = 256 // bytes
	maxKind = domain.MaxText * utf8.UTFMax
)

// eventID is what a repeat of the event has in common with it. One that cannot be kept as it is stands for itself as a
// hash.
func eventID(m eventstore.SourceMessage) string {
	id := header(m.Header, "ce-id")
	if id == "" {
		id = header(m.Header, nats.MsgIdHdr)
	}
	if len(id) > maxID || !utf8.ValidString(id) {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(id)))
	}
	return id
}

// plain reads a header that may carry any text, percent-encoded.
func plain(value string) string {
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// brief answers nothing for what is too long to be an id.
func brief(id string) string {
	if len(id) > maxID {
		return ""
	}
	return id
}

// header is the first value of a header, whatever the case of its name. Where several names differ in case alone, it is
// the first of them that counts, for every reader the same.
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
