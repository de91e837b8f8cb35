package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ask puts a question to the JetStream API, whose answer comes from the stream's leader. Where there is no answer for a
// while it is put again.
func ask(ctx context.Context, nc *nats.Conn, call string, question, answer any) error {
	return exchange(ctx, nc, call, question, answer, replyTo)
}

// order has the JetStream API do something, once: what was done already cannot be told from what cannot be done.
func order(ctx context.Context, nc *nats.Conn, call string, what any) error {
	var done struct{}
	return exchange(ctx, nc, call, what, &done, func(ctx context.Context, nc *nats.Conn, subject string, body []byte) (*nats.Msg, error) {
		return within(ctx, func() (*nats.Msg, error) { return nc.RequestWithContext(ctx, subject, body) })
	})
}

type requester func(ctx context.Context, nc *nats.Conn, subject string, body []byte) (*nats.Msg, error)

func exchange(ctx context.Context, nc *nats.Conn, call string, question, answer any, request requester) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return err
		}
	}
	reply, err := request(ctx, nc, "$JS.API."+call, body)
	if err != nil {
		return err
	}
	if bytes.Contains(reply.Data, []byte(`"error"`)) { // else it is read once: this is the cost of a read
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
	return json.Unmarshal(reply.Data, answer)
}

// questionPatience is how long a reply is waited for before the same is asked once more; then it is twice as long.
const questionPatience = 300 * time.Millisecond

// replyTo answers the first reply to a question. One that gets none for a while is put again, while the one before may
// still be replied to: whoever leads a stream may hand that on, or end, with a question that is then never answered.
// It waits no longer than ctx lasts, which is requestTimeout at most.
func replyTo(ctx context.Context, nc *nats.Conn, subject string, body []byte) (*nats.Msg, error) {
	type outcome struct {
		reply *nats.Msg
		err   error
	}
	outcomes := make(chan outcome, 2+requestTimeout/questionPatience) // nobody is kept waiting by those that come too late
	put := func() {
		reply, err := nc.RequestWithContext(ctx, subject, body)
		outcomes <- outcome{reply, err}
	}
	go put()
	patience := questionPatience
	again := time.NewTimer(patience)
	defer again.Stop()
	for {
		select {
		case first := <-outcomes:
			return first.reply, first.err
		case <-again.C:
			go put()
			patience *= 2
			again.Reset(patience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
