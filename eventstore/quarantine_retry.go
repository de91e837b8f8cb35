package eventstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// A message in quarantine is tried again by a running service, which alone knows its clients: whoever wants it asks by
// a request over NATS, and one of the replicas answers.
const (
	retrySubject = "clients-control.quarantine.retry"
	// retryFilter is where the service listens: deliveries of the server go to literal subscriptions alone.
	retryFilter = "clients-control.quarantine.*"
	retryGroup  = "clients"
	retryLimit  = 10 * time.Second
)

// ErrNoService tells that no replica of the service runs on this NATS system.
var ErrNoService = errors.New("no service is running there")

type retryRequest struct {
	Number uint64 `json:"number"`
}

type retryAnswer struct {
	Error string `json:"error,omitempty"`
}

// ServeRetries answers requests for retries by retry, until the subscription that it answers ends.
func (q *Quarantine) ServeRetries(retry func(ctx context.Context, number uint64) error) (*nats.Subscription, error) {
	sub, err := q.api.Conn.QueueSubscribe(retryFilter, retryGroup, func(msg *nats.Msg) {
		var request retryRequest
		err := json.Unmarshal(msg.Data, &request)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), retryLimit)
			err = retry(ctx, request.Number)
			cancel()
		}
		var answer retryAnswer
		if err != nil {
			answer.Error = cmp.Or(err.Error(), "the service does not say why")
		}
		body, _ := json.Marshal(answer)
		_ = msg.Respond(body)
	})
	if err != nil {
		return nil, fmt.Errorf("serve retries: %w", err)
	}
	return sub, nil
}

// Retry has the running service try a message again: when that succeeds it is no longer in quarantine. Errors are
// ErrNoService, and what the service says.
func (q *Quarantine) Retry(ctx context.Context, number uint64) error {
	body, err := json.Marshal(retryRequest{Number: number})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, retryLimit)
	defer cancel()
	reply, err := q.api.Conn.RequestWithContext(ctx, retrySubject, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return ErrNoService
	}
	if err != nil {
		return fmt.Errorf("retry %d: %w", number, err)
	}
	var answer retryAnswer
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return fmt.Errorf("retry %d: %w", number, err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}
