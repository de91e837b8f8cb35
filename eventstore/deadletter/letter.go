package deadletter

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of a dead letter, beside those of the message. Headers of the message that start with a reserved prefix, or whose
// names a NATS client does not send, are stored percent-encoded behind prefixSetAside.
const (
	headerReason     = "Quarantine-Reason"
	headerDetail     = "Quarantine-Detail"
	headerStream     = "Quarantine-Stream"
	headerCreated    = "Quarantine-Stream-Created"
	headerSequence   = "Quarantine-Sequence"
	headerGeneration = "Quarantine-Round" // absent for the first one
	headerStoredAt   = "Quarantine-Stored-At"
	headerSubject    = "Quarantine-Subject"
	prefixSetAside   = "Quarantine-Set-Aside-"
	prefixOwn        = "Quarantine-"
	prefixServer     = "Nats-"
)

// maxDetail bounds the detail, in bytes: headers have a limit of their own.
const maxDetail = 1024

func encode(m upstream.Message, reason, detail string) *nats.Msg {
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "")
	}
	header := nats.Header{
		headerReason:   {reason},
		headerDetail:   {strings.Map(printable, detail)},
		headerStream:   {m.Stream},
		headerCreated:  {m.Created.UTC().Format(time.RFC3339Nano)},
		headerSequence: {strconv.FormatUint(m.Sequence, 10)},
		headerStoredAt: {m.StoredAt.UTC().Format(time.RFC3339Nano)},
		headerSubject:  {m.Subject},
	}
	subject := fmt.Sprintf("%s.%s.%d.%d", subjectPrefix, m.Stream, m.Created.UnixNano(), m.Sequence)
	if m.Generation > 0 { // the sequence stood for another message in the generation before
		header.Set(headerGeneration, strconv.Itoa(m.Generation))
		subject += "." + strconv.Itoa(m.Generation)
	}
	for name, values := range m.Header {
		if encoded := url.QueryEscape(name); encoded != name || hasPrefixFold(name, prefixServer) || hasPrefixFold(name, prefixOwn) {
			name = prefixSetAside + encoded
		}
		header[name] = values
	}
	return &nats.Msg{Subject: subject, Header: header, Data: m.Data}
}

// withoutContent returns a dead letter of a message that is too large.
func withoutContent(msg *nats.Msg) *nats.Msg {
	for name := range msg.Header {
		if !strings.HasPrefix(name, prefixOwn) || strings.HasPrefix(name, prefixSetAside) {
			delete(msg.Header, name)
		}
	}
	msg.Header.Set(headerDetail, msg.Header.Get(headerDetail)+" (too large: kept without headers and data)")
	return &nats.Msg{Subject: msg.Subject, Header: msg.Header}
}

func decode(stored *jetstream.RawStreamMsg) Letter {
	header := stored.Header
	m := upstream.Message{Stream: header.Get(headerStream), Subject: header.Get(headerSubject), Data: stored.Data, Header: nats.Header{}}
	m.Created, _ = time.Parse(time.RFC3339Nano, header.Get(headerCreated))
	m.StoredAt, _ = time.Parse(time.RFC3339Nano, header.Get(headerStoredAt))
	m.Sequence, _ = strconv.ParseUint(header.Get(headerSequence), 10, 64)
	m.Generation, _ = strconv.Atoi(header.Get(headerGeneration))
	for name, values := range header {
		if encoded, ok := strings.CutPrefix(name, prefixSetAside); ok {
			original, err := url.QueryUnescape(encoded)
			if err != nil { // an earlier release stored it as it was
				original = encoded
			}
			m.Header[original] = values
		} else if !strings.HasPrefix(name, prefixOwn) && !strings.HasPrefix(name, prefixServer) {
			m.Header[name] = values
		}
	}
	return Letter{Number: stored.Sequence, Reason: header.Get(headerReason), Detail: header.Get(headerDetail), At: stored.Time, Message: m}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// printable keeps a header value in one line.
func printable(r rune) rune {
	if r < ' ' || r == 0x7F {
		return ' '
	}
	return r
}
