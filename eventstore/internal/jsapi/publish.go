package jsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Attempts says how a message is published.
type Attempts struct {
	Timeout time.Duration // of one attempt
	Unknown bool          // the message was sent before, with an unknown outcome
	// Confirm, unless nil, is called before each attempt. An error of it ends the attempts.
	Confirm func(context.Context) error
}

// Publish sends a message that has an id, and sends the identical one again until the outcome is known or ctx ends.
//
// The outcome covers all attempts: whatever the response to a repeated message is, an earlier attempt may have been stored.
// The acknowledgement is that of the last attempt; with the outcome Duplicate it may be nil.
func (c *Client) Publish(ctx context.Context, msg *nats.Msg, a Attempts) (ack *jetstream.PubAck, outcome Outcome, err error) {
	unknown := a.Unknown
	for ctx.Err() == nil {
		if a.Confirm != nil {
			if err = a.Confirm(ctx); err != nil {
				break
			}
		}
		attempt, cancel := context.WithTimeout(ctx, a.Timeout)
		ack, err = c.PublishOnce(attempt, msg)
		cancel()
		switch outcome = Classify(err); {
		case outcome == Stored && !ack.Duplicate:
			return ack, Stored, nil
		case outcome == Stored, outcome == Conflict && unknown:
			return ack, Duplicate, err
		case outcome == Refused && unknown:
			return nil, Unknown, err
		case outcome == Conflict, outcome == Refused:
			return nil, outcome, err
		case outcome == Unknown:
			unknown = true
		}
		Pause(ctx)
	}
	if unknown {
		return nil, Unknown, cmp.Or(err, ctx.Err())
	}
	return nil, Retryable, cmp.Or(err, ctx.Err())
}

// PublishOnce sends a message once and waits for its acknowledgement until ctx ends.
func (c *Client) PublishOnce(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	ack, err := WithContext(ctx, func() (*jetstream.PubAck, error) {
		return c.JetStream.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
	})
	c.published(err, msg)
	return ack, err
}

// PublishBatch sends messages as one atomic batch and waits for its acknowledgement until ctx ends. The id is unique. A batch
// whose outcome is unknown may be stored later. Its messages get the headers of a batch: one that is then sent by itself must be a
// copy without them, see Single. Messages must not be changed after an unknown outcome, since they may still be read.
func (c *Client) PublishBatch(ctx context.Context, id string, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	for i, msg := range messages {
		msg.Header[jetstreamext.BatchIDHeader] = []string{id}
		msg.Header[jetstreamext.BatchSeqHeader] = []string{strconv.Itoa(i + 1)}
	}
	messages[len(messages)-1].Header[jetstreamext.BatchCommitHeader] = []string{"1"}
	ack, err := WithContext(ctx, func() (*jetstreamext.BatchAck, error) { return c.sendBatch(ctx, messages) })
	c.published(err, messages...)
	return ack, err
}

// Single returns a copy of a message of a batch, to be sent by itself.
func Single(msg *nats.Msg) *nats.Msg {
	header := maps.Clone(msg.Header)
	for _, name := range []string{jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader} {
		delete(header, name)
	}
	return &nats.Msg{Subject: msg.Subject, Header: header, Data: msg.Data}
}

func (c *Client) sendBatch(ctx context.Context, messages []*nats.Msg) (*jetstreamext.BatchAck, error) {
	last := len(messages) - 1
	for _, msg := range messages[:last] {
		if err := c.Conn.PublishMsg(msg); err != nil {
			return nil, err
		}
	}
	response, err := c.Conn.RequestMsgWithContext(ctx, messages[last])
	if err != nil {
		return nil, err
	}
	var result struct {
		Error *jetstream.APIError `json:"error"`
		*jetstreamext.BatchAck
	}
	switch err := json.Unmarshal(response.Data, &result); {
	case err != nil:
		return nil, err
	case result.Error != nil:
		return nil, result.Error
	case result.BatchAck == nil || result.BatchSize != uint64(len(messages)):
		return nil, jetstreamext.ErrInvalidBatchAck
	}
	return result.BatchAck, nil
}

func (c *Client) published(err error, messages ...*nats.Msg) {
	if c.Published != nil {
		c.Published(LargestSize(messages...), err)
	}
}

// LargestSize returns the size of the largest message, without headers.
func LargestSize(messages ...*nats.Msg) (size int) {
	for _, msg := range messages {
		size = max(size, len(msg.Data))
	}
	return size
}
