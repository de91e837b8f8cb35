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

// How long one request of a follower for messages stands, and how often the server shows meanwhile that it is alive.
const (
	followExpiry    = 5 * time.Second
	followHeartbeat = 500 * time.Millisecond
)

// placement is what a consumer reads, and where.
type placement struct {
	subject string // "" for all
	server  string // whose copy of the stream is read; "" for any
	ahead   int    // messages that are delivered ahead of who takes them; 0 for many
}

// deliver decodes the messages of the stream behind one that was read until ctx ends. When it cannot go on it says why.
// The consumer lives in the memory of one server, and is forgotten when it is not used. It ends with its stream: that
// this is the one that was read has to be found out once, after the consumer is there.
func (s *Store) deliver(ctx context.Context, from placement, after mark, arrivals chan<- delivery, interrupted chan<- error) {
	interrupt := func(err error) {
		select {
		case interrupted <- err:
		default:
		}
	}
	attempt, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	consumer, err := s.consumerOn(attempt, from.server, jetstream.ConsumerConfig{
		Description:       "clients: follows the stream",
		FilterSubject:     from.subject,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after.sequence + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err == nil {
		err = s.holds(attempt, after)
	}
	if err != nil {
		interrupt(err)
		return
	}
	consumption, err := consumer.Consume(func(msg jetstream.Msg) {
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
	}, jetstream.PullMaxMessages(cmp.Or(from.ahead, 2*runLength)), jetstream.PullExpiry(followExpiry), jetstream.PullHeartbeat(followHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { interrupt(err) }))
	if err != nil {
		interrupt(err)
		return
	}
	defer consumption.Stop()
	<-ctx.Done()
}

// consumerOn creates a consumer that reads a server's copy of the stream. The cluster chooses the server at random, so the
// consumer is created again until it is there.
func (s *Store) consumerOn(ctx context.Context, server string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	for {
		consumer, err := s.js.CreateConsumer(ctx, Stream, config)
		if err != nil || server == "" {
			return consumer, err
		}
		info := consumer.CachedInfo()
		if info.Cluster != nil && info.Cluster.Leader == server {
			return consumer, nil
		}
		if err := s.js.DeleteConsumer(ctx, Stream, info.Name); err != nil {
			return nil, err
		}
	}
}
