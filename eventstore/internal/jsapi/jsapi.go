// Package jsapi sends requests to the leaders of JetStream streams. It is what all packages below eventstore use instead
// of the jetstream package, wherever a guarantee depends on the response.
//
// It differs from the jetstream package in four ways:
//
//   - Requests go to the stream's leader, never to a replica that may lack acknowledged messages. A request without a
//     response is sent again while the first one is still waited for (a hedged request): see Client.Request.
//   - Stream information is returned only if the leader has heard of a majority of its servers a moment ago, so that a
//     leader that was cut off and replaced is not trusted: see Client.StreamInfo. A client remembers the last silence of
//     each stream's leader.
//   - A message is published until its outcome is known: see Client.Publish and Outcome.
//   - No call outlasts its context: see WithContext.
//
// The data flow of a publish is
//
//	Publish -> PublishOnce -> server -> error or acknowledgement -> Classify -> Outcome
//
// Publish sends the identical message again as long as the outcome is unknown or the server could not take it. An
// outcome covers all attempts: if any of them may have been stored, the outcome is not Refused or Conflict.
//
// EnsureStream creates a stream, or checks that the existing one has every setting that a guarantee depends on. Retry
// repeats a call until there is a leader that responds to it.
//
// The package knows nothing of events, and keeps no other state.
package jsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// RequestTimeout bounds one request to a stream's leader.
const RequestTimeout = 2 * time.Second

// Client sends requests over one connection. It is safe for concurrent use.
type Client struct {
	Conn      *nats.Conn
	JetStream jetstream.JetStream
	// Published, unless nil, is called with the size and the error of each attempt to publish, nil for an acknowledged one.
	// The size is that of the largest message, without headers. It is set before the client is used.
	Published func(size int, err error)

	silences sync.Map      // by the name of the stream
	batches  chan struct{} // one for each batch that Messages reads at the moment
}

// New returns a client for a connection.
func New(nc *nats.Conn) *Client {
	js, _ := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(RequestTimeout)) // only its options can fail
	return &Client{Conn: nc, JetStream: js, batches: make(chan struct{}, maxBatches)}
}

// Request sends a request to the JetStream API and decodes the response of the stream's leader. The request is sent again
// while there is no response, so it must not change anything. It takes RequestTimeout at most. A refusal of the server is a
// *jetstream.APIError.
func (c *Client) Request(ctx context.Context, call string, request, response any) error {
	return c.roundTrip(ctx, call, request, response, c.hedged)
}

// Do sends a request that changes something, once: a second response could not tell what was done already from what
// cannot be done.
func (c *Client) Do(ctx context.Context, call string, request any) error {
	var done struct{}
	return c.roundTrip(ctx, call, request, &done, func(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
		return WithContext(ctx, func() (*nats.Msg, error) { return c.Conn.RequestWithContext(ctx, subject, body) })
	})
}

type sender func(ctx context.Context, subject string, body []byte) (*nats.Msg, error)

func (c *Client) roundTrip(ctx context.Context, call string, request, response any, send sender) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	reply, err := send(ctx, "$JS.API."+call, body)
	if err != nil {
		return err
	}
	if bytes.Contains(reply.Data, []byte(`"error"`)) { // otherwise decoded once: this is the cost of a strong read
		var refusal struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(reply.Data, &refusal); err != nil {
			return err
		}
		if refusal.Error != nil {
			return refusal.Error
		}
	}
	return json.Unmarshal(reply.Data, response)
}

const (
	// hedgeAfter is how long a response is waited for before the request is sent again. It doubles with each request.
	hedgeAfter = 300 * time.Millisecond
	// reconnectLimit is how long a request waits for a connection. One to another server takes a few milliseconds.
	reconnectLimit = 500 * time.Millisecond
)

// hedged returns the first response to a request that is sent again while there is none. A stream's leader that steps
// down or ends may leave a request without a response forever, and so does a server that ends.
func (c *Client) hedged(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
	type result struct {
		reply *nats.Msg
		err   error
	}
	results := make(chan result, 2+RequestTimeout/hedgeAfter) // room for all of them: late ones block nothing
	send := func() {
		reply, err := c.Conn.RequestWithContext(ctx, subject, body)
		results <- result{reply, err}
	}
	go send()
	begun := time.Now()
	wait := hedgeAfter
	again := time.NewTimer(wait)
	defer again.Stop()
	for {
		select {
		case first := <-results:
			if !errors.Is(first.err, nats.ErrReconnectBufExceeded) || time.Since(begun) > reconnectLimit {
				return first.reply, first.err
			}
			Pause(ctx)
			go send()
		case <-again.C:
			go send()
			wait *= 2
			again.Reset(wait)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
