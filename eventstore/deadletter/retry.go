package deadletter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	retrySubject = "clients-control.quarantine.retry"
	// retryFilter is what the service subscribes to. It has a wildcard so that no consumer can deliver to it: a server
	// delivers to literal subscriptions only.
	retryFilter  = "clients-control.quarantine.*"
	retryGroup   = "clients"
	retryTimeout = 10 * time.Second
)

// ErrNoService reports that no replica of the service runs on the NATS system.
var ErrNoService = errors.New("no service is running")

// retryMessage is a request with a number, or a response with an error.
type retryMessage struct {
	Number uint64 `json:"number,omitempty"`
	Error  string `json:"error,omitempty"`
}

// ServeRetries calls retry for each request, until the returned subscription ends.
func (s *Store) ServeRetries(retry func(ctx context.Context, number uint64) error) (*nats.Subscription, error) {
	sub, err := s.api.Conn.QueueSubscribe(retryFilter, retryGroup, func(msg *nats.Msg) {
		var request retryMessage
		err := json.Unmarshal(msg.Data, &request)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
			err = retry(ctx, request.Number)
			cancel()
		}
		var response retryMessage
		if err != nil {
			response.Error = cmp.Or(err.Error(), "failed without a reason")
		}
		body, _ := json.Marshal(response)
		_ = msg.Respond(body)
	})
	if err != nil {
		return nil, fmt.Errorf("serve retries: %w", err)
	}
	return sub, nil
}

// Retry has the running service ingest a dead letter again. If that succeeds the letter is gone. The error is ErrNoService,
// or what the service responds.
func (s *Store) Retry(ctx context.Context, number uint64) error {
	body, _ := json.Marshal(retryMessage{Number: number})
	ctx, cancel := context.WithTimeout(ctx, retryTimeout)
	defer cancel()
	reply, err := s.api.Conn.RequestWithContext(ctx, retrySubject, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return ErrNoService
	}
	var response retryMessage
	if err == nil {
		err = json.Unmarshal(reply.Data, &response)
	}
	if err != nil {
		return fmt.Errorf("retry %d: %w", number, err)
	}
	if response.Error != "" {
		return errors.New(response.Error)
	}
	return nil
}
