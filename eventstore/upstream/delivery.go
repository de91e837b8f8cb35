package upstream

import (
	"context"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	maxRun            = 512         // messages
	deliveryHeartbeat = time.Second // of a consumer that has nothing to deliver; it has failed after two without one
)

// delivery receives messages from a pull consumer.
type delivery struct {
	messages chan jetstream.Msg
	failed   chan error
	stop     func()
}

// arrival is a message as a consumer delivers it.
type arrival struct {
	Message
	delivered uint64 // number of messages that the consumer has delivered, with this one
}

// deliver starts the delivery of the messages behind the record. The consumer is kept in memory and ends when unused.
func (r *Reader) deliver(ctx context.Context) (*delivery, error) {
	attempt, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	consumer, err := r.Client.api.JetStream.CreateConsumer(attempt, r.Stream.Name, jetstream.ConsumerConfig{
		Description:       "clients: reads what prevents the deletion of a client",
		FilterSubject:     r.Stream.Filter,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.record.Sequence + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	r.consumed = 0
	d := &delivery{messages: make(chan jetstream.Msg, maxRun), failed: make(chan error, 1)}
	ctx, cancel = context.WithCancel(ctx)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case d.messages <- m:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(maxRun), jetstream.PullExpiry(5*deliveryHeartbeat), jetstream.PullHeartbeat(deliveryHeartbeat),
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
func (d *delivery) run(msg jetstream.Msg) (run []arrival, err error) {
	for {
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		run = append(run, arrival{Message{
			Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(),
		}, meta.Sequence.Consumer})
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
