package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Quarantine keeps messages of other services that could not be used, until somebody has dealt with them. A message is
// kept as it was, with where it was read and why it could not be used.
type Quarantine struct {
	api *jsapi.Client
}

// Quarantined is a message in quarantine.
type Quarantined struct {
	Number  uint64 // its sequence in the quarantine
	Reason  string // one of few
	Detail  string // what exactly was wrong
	At      time.Time
	Message SourceMessage
}

var (
	// ErrNotQuarantined tells that there is no such message in quarantine.
	ErrNotQuarantined = errors.New("there is no such message in quarantine")
	// ErrNoQuarantine tells that the stream for it does not exist.
	ErrNoQuarantine = errors.New("there is no stream " + QuarantineStream + ": no clients service has run on this NATS system")
)

// Headers of a message in quarantine, beside its own. Of its own, those that would mean something to the server when
// it is stored again have the prefix headerSetAside.
const (
	headerReason   = "Quarantine-Reason"
	headerDetail   = "Quarantine-Detail"
	headerStream   = "Quarantine-Stream"
	headerCreated  = "Quarantine-Stream-Created"
	headerSequence = "Quarantine-Sequence"
	headerRound    = "Quarantine-Round" // none in the first
	headerStoredAt = "Quarantine-Stored-At"
	headerWas      = "Quarantine-Subject"
	headerSetAside = "Quarantine-Set-Aside-"
	quarantineMark = "Quarantine-"
	serverMark     = "Nats-"
)

// NewQuarantine gives access to the quarantine of the service that runs on a NATS system.
func NewQuarantine(nc *nats.Conn) (*Quarantine, error) {
	api, err := jsapi.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	return &Quarantine{api: api}, nil
}

// Put stores m, unless it is in quarantine already: then fresh is false.
func (q *Quarantine) Put(ctx context.Context, m SourceMessage, reason, detail string) (fresh bool, err error) {
	header := nats.Header{
		headerReason:   {reason},
		headerDetail:   {strings.Map(printable, bounded(detail))},
		headerStream:   {m.Stream},
		headerCreated:  {m.Created.UTC().Format(time.RFC3339Nano)},
		headerSequence: {strconv.FormatUint(m.Sequence, 10)},
		headerStoredAt: {m.StoredAt.UTC().Format(time.RFC3339Nano)},
		headerWas:      {m.Subject},
	}
	subject := fmt.Sprintf("%s.%s.%d.%d", quarantineSubject, m.Stream, m.Created.UnixNano(), m.Sequence)
	if m.Round > 0 { // another message may have stood there in the round before
		header.Set(headerRound, strconv.Itoa(m.Round))
		subject += "." + strconv.Itoa(m.Round)
	}
	for name, values := range m.Header {
		if hasPrefixFold(name, serverMark) || hasPrefixFold(name, quarantineMark) {
			name = headerSetAside + name
		}
		header[name] = values
	}
	err = q.put(ctx, &nats.Msg{Subject: subject, Header: header, Data: m.Data})
	if errors.Is(err, nats.ErrMaxPayload) || jsapi.Classify(err) == jsapi.Refused { // it has grown too large by its new headers
		for name := range header {
			if !strings.HasPrefix(name, quarantineMark) || strings.HasPrefix(name, headerSetAside) {
				delete(header, name)
			}
		}
		header.Set(headerDetail, header.Get(headerDetail)+" (too large to be kept: only where it was is)")
		err = q.put(ctx, &nats.Msg{Subject: subject, Header: header})
	}
	if jsapi.Classify(err) == jsapi.Conflict {
		return false, nil
	}
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // the stream is missing, or has no leader at the moment
		_, missing := q.Len(ctx)
		err = errors.Join(err, missing)
	}
	if err != nil {
		return false, fmt.Errorf("quarantine %s %d: %w", m.Stream, m.Sequence, err)
	}
	return true, nil
}

func (q *Quarantine) put(ctx context.Context, msg *nats.Msg) error {
	_, err := q.api.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(0))
	return err
}

// Get answers one message. The error is ErrNotQuarantined when there is none of that number.
func (q *Quarantine) Get(ctx context.Context, number uint64) (Quarantined, error) {
	found, err := q.next(ctx, number)
	if err == nil && found.Number != number {
		err = ErrNotQuarantined
	}
	return found, err
}

// All answers every message in quarantine, the oldest first. It ends with the first error.
func (q *Quarantine) All(ctx context.Context) iter.Seq2[Quarantined, error] {
	return func(yield func(Quarantined, error) bool) {
		for number := uint64(1); ; number++ {
			found, err := q.next(ctx, number)
			if errors.Is(err, ErrNotQuarantined) {
				return
			}
			if !yield(found, err) || err != nil {
				return
			}
			number = found.Number
		}
	}
}

// Drop forgets a message for good. The error is ErrNotQuarantined when there is none of that number.
func (q *Quarantine) Drop(ctx context.Context, number uint64) error {
	if _, err := q.Get(ctx, number); err != nil {
		return err
	}
	if err := q.api.Do(ctx, "STREAM.MSG.DELETE."+QuarantineStream, map[string]any{"seq": number, "no_erase": true}); err != nil {
		return fmt.Errorf("drop %d: %w", number, quarantineError(err))
	}
	return nil
}

// Len answers how many messages there are.
func (q *Quarantine) Len(ctx context.Context) (uint64, error) {
	var info jsapi.StreamInfo
	err := q.api.Request(ctx, "STREAM.INFO."+QuarantineStream, nil, &info)
	if err != nil {
		return 0, fmt.Errorf("count the quarantine: %w", quarantineError(err))
	}
	return info.State.Messages, nil
}

// next answers the first message with that number or a higher one.
func (q *Quarantine) next(ctx context.Context, number uint64) (Quarantined, error) {
	m, err := q.api.Message(ctx, QuarantineStream, jsapi.Query{Sequence: number, NextBySubject: quarantineSubject + ".>"})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Quarantined{}, ErrNotQuarantined
	}
	if err != nil {
		return Quarantined{}, fmt.Errorf("quarantine %d: %w", number, quarantineError(err))
	}
	return quarantined(m, m.Header()), nil
}

func quarantined(m jsapi.Message, header nats.Header) Quarantined {
	q := Quarantined{Number: m.Sequence, Reason: header.Get(headerReason), Detail: header.Get(headerDetail), At: m.Time}
	q.Message = SourceMessage{Stream: header.Get(headerStream), Subject: header.Get(headerWas), Data: m.Data, Header: nats.Header{}}
	q.Message.Created, _ = time.Parse(time.RFC3339Nano, header.Get(headerCreated))
	q.Message.StoredAt, _ = time.Parse(time.RFC3339Nano, header.Get(headerStoredAt))
	q.Message.Sequence, _ = strconv.ParseUint(header.Get(headerSequence), 10, 64)
	q.Message.Round, _ = strconv.Atoi(header.Get(headerRound))
	for name, values := range header {
		if own, ok := strings.CutPrefix(name, headerSetAside); ok {
			q.Message.Header[own] = values
		} else if !strings.HasPrefix(name, quarantineMark) && !strings.HasPrefix(name, serverMark) {
			q.Message.Header[name] = values
		}
	}
	return q
}

func quarantineError(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w (%w)", ErrNoQuarantine, err)
	}
	return err
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
