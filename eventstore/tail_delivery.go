package eventstore

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// delivery is a message as a consumer delivers it.
type delivery struct {
	record  Record
	err     error
	pending uint64 // how many more there are for the server that delivers
}

// consumption is what a consumer reads, and where.
type consumption struct {
	after   uint64                      // the sequence behind which it begins
	subject string                      // "" for all
	server  string                      // whose copy of the stream is read; "" for any
	ahead   int                         // messages that are delivered ahead of the reader; 0 for many
	check   func(context.Context) error // called once the consumer exists; nil for none
}

// How long one request for messages stands, and how often the server shows meanwhile that it is alive.
const (
	consumeExpiry    = 5 * time.Second
	consumeHeartbeat = 500 * time.Millisecond
)

// deliver decodes the messages that a consumer delivers until ctx ends. If it cannot go on it reports why. The consumer
// lives in the memory of one server, and is forgotten when it is not used. It ends with its stream: that this is the
// expected one is checked once, after the consumer exists.
func (r *reader) deliver(ctx context.Context, from consumption, arrivals chan<- delivery, interrupted chan<- error) {
	interrupt := func(err error) {
		select {
		case interrupted <- err:
		default:
		}
	}
	consumer, err := r.consumer(ctx, from)
	if err != nil {
		interrupt(err)
		return
	}
	messages, err := consumer.Consume(func(msg jetstream.Msg) {
		var d delivery
		meta, err := msg.Metadata()
		if err != nil {
			d.err = fmt.Errorf("%w: %w", errInterrupted, err)
		} else {
			d.pending = meta.NumPending
			d.record, d.err = decode(meta.Sequence.Stream, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data())
		}
		select {
		case arrivals <- d:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(cmp.Or(from.ahead, 2*tailBatch)), jetstream.PullExpiry(consumeExpiry), jetstream.PullHeartbeat(consumeHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { interrupt(err) }))
	if err != nil {
		interrupt(err)
		return
	}
	defer messages.Stop()
	<-ctx.Done()
}

// consumer creates a consumer. The cluster chooses its server at random, so for a certain server the consumer is created
// again until it is there.
func (r *reader) consumer(ctx context.Context, from consumption) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	for {
		consumer, err := r.api.JetStream.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{
			Description:       "clients: follows the stream",
			FilterSubject:     from.subject,
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       from.after + 1,
			AckPolicy:         jetstream.AckNonePolicy,
			MemoryStorage:     true,
			Replicas:          1,
			InactiveThreshold: time.Minute,
		})
		if err != nil {
			return nil, err
		}
		info := consumer.CachedInfo()
		if from.server == "" || info.Cluster != nil && info.Cluster.Leader == from.server {
			if from.check != nil {
				err = from.check(ctx)
			}
			return consumer, err
		}
		if err := r.api.JetStream.DeleteConsumer(ctx, Stream, info.Name); err != nil {
			return nil, err
		}
	}
}
