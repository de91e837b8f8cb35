package jsapi

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Query selects a message: the last one of a subject; or the first one at or behind a sequence or a time, of a subject or,
// at exactly that sequence, of any.
type Query struct {
	Sequence      uint64    `json:"seq,omitempty"`
	StartTime     time.Time `json:"start_time,omitzero"`
	NextBySubject string    `json:"next_by_subj,omitempty"`
	LastBySubject string    `json:"last_by_subj,omitempty"`
}

// Message is a stored message.
type Message struct {
	Subject   string    `json:"subject"`
	Sequence  uint64    `json:"seq"`
	RawHeader []byte    `json:"hdrs"`
	Data      []byte    `json:"data"`
	Time      time.Time `json:"time"` // when it was stored, by the clock of the leader at that time
}

// Header returns the headers; none if they cannot be decoded, as the jetstream package does for a consumed message.
func (m Message) Header() (header nats.Header) {
	if len(m.RawHeader) > 0 {
		header, _ = nats.DecodeHeadersMsg(m.RawHeader)
	}
	return header
}

// Raw returns the message as the jetstream package does.
func (m Message) Raw() *jetstream.RawStreamMsg {
	return &jetstream.RawStreamMsg{Subject: m.Subject, Sequence: m.Sequence, Header: m.Header(), Data: m.Data, Time: m.Time}
}

// Message returns the message that a query selects, as the stream's leader has it. If there is none the error is
// jetstream.ErrMsgNotFound; a leader that was replaced returns it as well.
func (c *Client) Message(ctx context.Context, stream string, q Query) (Message, error) {
	var response struct {
		Message Message `json:"message"`
	}
	err := c.Request(ctx, "STREAM.MSG.GET."+stream, q, &response)
	return response.Message, err
}
