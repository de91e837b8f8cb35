package eventstore

import (
	"context"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Removal records why messages are missing from the stream. Nothing else accounts for a gap, and a Removal only for messages
// in front of itself. It is stored before the messages are deleted, so that what was interrupted can be completed. Its JSON is
// stored and is read forever: see codec.go. It holds nothing of a client but numbers, times and types.
type Removal struct {
	Reason   string            `json:"reason"`              // what an operator said, or ReasonErasure
	Account  string            `json:"account,omitempty"`   // of the erased client; "" for a skipped message
	ClientID int64             `json:"client_id,omitempty"` // of the erased client; 0 for a skipped message
	Messages []RemovedMessage  `json:"messages"`            // ascending
	Servers  map[string]string `json:"servers,omitempty"`   // of a cluster: the ids of the servers by name, when it began
	Epoch    string            `json:"epoch,omitempty"`     // of the stream, to whose servers Servers refers
	Done     bool              `json:"done,omitempty"`      // the messages are overwritten
}

// RemovedMessage is what is known of a message that was removed.
type RemovedMessage struct {
	Sequence uint64    `json:"sequence"`
	StoredAt time.Time `json:"stored_at"`
	Type     string    `json:"type,omitempty"`    // of an event; "" for a message without a valid envelope, and a skipped one
	Foreign  bool      `json:"foreign,omitempty"` // an event that did not count: its client had that version, or was deleted
}

// ReasonErasure is the reason of a Removal that belongs to a domain.ClientErased.
const ReasonErasure = "erasure"

// RemovalSubject is where a Removal is stored. Its second token is no account.
const RemovalSubject = referencePrefix + "REMOVED"

const (
	typeRemoved = "client-references.v1.MessagesRemoved"

	// removalLimit bounds how many messages are named in one record, so that a server with the smallest max_payload takes it
	// (maxEvent). More than these are named in several, of one batch.
	removalLimit = 1200
	// erasedLimit bounds how many messages one event names: more are named by several events, of one batch.
	erasedLimit = 15_000
	// removalTimeout is how long such a batch may take.
	removalTimeout = 10 * time.Second
)

// RemovedMessages returns what a Removal has to name of the messages of one client, of which Foreign is set as the read model sets
// it. Events of an earlier erasure are left out: they stay.
func RemovedMessages(records []Record) (removed []RemovedMessage) {
	for _, r := range records {
		m := RemovedMessage{Sequence: r.Sequence, StoredAt: r.StoredAt.UTC()}
		if r.Event != nil {
			m.Type, m.Foreign = r.Type, r.Foreign != ""
		}
		if !r.IsErasure() || m.Foreign {
			removed = append(removed, m)
		}
	}
	return removed
}

// AppendErasure stores the event of an erasure, on the condition that Append has, and its Removal: both or nothing. A client with
// very many messages gets several events, with one version after the other. e is the envelope of the first one, without its account
// and event. It takes no store, but a connection of the administrator.
//
// Errors: domain.ErrConflict if the client has a newer message; a domain.Unavailable as Append returns it.
func AppendErasure(ctx context.Context, nc *nats.Conn, e domain.Envelope, lastSequence uint64, r Removal) error {
	sequences := []uint64{}
	for _, m := range r.Messages {
		sequences = append(sequences, m.Sequence)
	}
	var batch []*nats.Msg
	for len(batch) == 0 || len(sequences) > 0 {
		part := sequences[:min(len(sequences), erasedLimit)]
		sequences = sequences[len(part):]
		e.Account, e.Event = r.Account, domain.ClientErased{ID: r.ClientID, Erased: part}
		msg, _, err := encode(e)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			expect(msg, e, lastSequence)
		}
		batch = append(batch, msg)
		e.EventID, e.Version = uuid.NewString(), e.Version+1
	}
	return appendRemoval(ctx, nc, r, batch...)
}

// AppendRemoval stores a Removal without an event. The error is a domain.Unavailable.
func AppendRemoval(ctx context.Context, nc *nats.Conn, r Removal) error {
	return appendRemoval(ctx, nc, r)
}

func appendRemoval(ctx context.Context, nc *nats.Conn, r Removal, batch ...*nats.Msg) error {
	for rest := r.Messages; ; {
		part := rest[:min(len(rest), removalLimit)]
		rest = rest[len(part):]
		r.Messages = append([]RemovedMessage{}, part...)
		msg, err := encodeRemoval(r, uuid.NewString(), time.Now())
		if err != nil {
			return err
		}
		msg.Header[jetstream.ExpectedStreamHeader] = []string{Stream}
		if batch = append(batch, msg); len(rest) == 0 {
			break
		}
	}
	ctx, cancel := context.WithTimeout(ctx, removalTimeout)
	defer cancel()
	if _, err := jsapi.New(nc).PublishBatch(ctx, uuid.NewString(), batch); err != nil {
		return batchError(err)
	}
	return nil
}

func encodeRemoval(r Removal, id string, at time.Time) (*nats.Msg, error) {
	data, err := encodeJSON(r)
	msg, _ := newMessage(RemovalSubject, data, attributes{id: id, kind: typeRemoved, time: clock(at)})
	return msg, err
}

// readRemoval reads the body of a message on RemovalSubject.
func (r *Record) readRemoval(data []byte) error {
	if r.Type != typeRemoved {
		return r.bodyError(errUnknownType)
	}
	removal, err := decodeJSON[Removal](data)
	if err != nil {
		return r.bodyError(err)
	}
	r.Removal = &removal
	return nil
}
