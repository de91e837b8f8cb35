package upstream

import (
	"context"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	maxRun            = 512         // messages
	maxRequest        = 2 << 20     // bytes that are requested at once: the server closes a connection behind which 16 MiB wait
	deliveryHeartbeat = time.Second // of a consumer that has nothing to deliver; it has failed after two without one
)

// delivery receives messages from a pull consumer.
type delivery struct {
	messages chan jetstream.Msg
	failed   chan error
	stop     func()
}

// deliver starts the delivery of the messages behind the record. The consumer is kept in memory and ends when unused.
func (r *Reader) deliver(ctx context.Context) (*delivery, error) {
	consumer, err := r.Client.api.Consumer(ctx, jsapi.Reading{Stream: r.Stream.Name, Subject: r.Stream.Filter, After: r.record.Sequence})
	if err != nil {
		return nil, err
	}
	d := &delivery{messages: make(chan jetstream.Msg, maxRun), failed: make(chan error, 1)}
	ctx, cancel := context.WithCancel(ctx)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case d.messages <- m:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessagesWithBytesLimit(maxRun, maxRequest), jetstream.PullExpiry(5*deliveryHeartbeat), jetstream.PullHeartbeat(deliveryHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case d.failed <- err:
			default:
			}
		}))
	if err != nil {
		cancel()
		return nil, err
	}
	d.stop = func() { cancel(); consuming.Stop() }
	return d, nil
}

// run returns a message and those that have arrived behind it.
func (d *delivery) run(msg jetstream.Msg) (run []Message, err error) {
	for {
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		run = append(run, Message{
			Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(),
		})
		if len(run) == maxRun {
			return run, nil
		}
		select {
		case msg = <-d.messages:
		default:
			return run, nil
		}
	}
}
