package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	batch         = 512 // messages per request to the consumer
	requestExpiry = 5 * time.Second
	statusExpired = "408" // the request has expired
)

// delivery receives messages from a pull consumer. It uses the consumer's API by itself: the jetstream package takes a
// stored message whose header looks like a status for one of the server, and drops it.
type delivery struct {
	reader   *Reader
	consumer string
	sub      *nats.Subscription
	messages chan *nats.Msg
	pending  int // messages that the present request may still deliver
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
	d := &delivery{reader: r, consumer: consumer.CachedInfo().Name, messages: make(chan *nats.Msg, 2*batch)}
	nc := r.Client.api.Conn
	if d.sub, err = nc.ChanSubscribe(nc.NewInbox(), d.messages); err != nil {
		return nil, err
	}
	return d, d.request()
}

func (d *delivery) request() error {
	d.pending = batch
	body := fmt.Appendf(nil, `{"batch":%d,"expires":%d}`, batch, requestExpiry)
	return d.reader.Client.api.Conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+d.reader.Stream.Name+"."+d.consumer, d.sub.Subject, body)
}

func (d *delivery) stop() { _ = d.sub.Unsubscribe() }

// run returns a message and those that have arrived behind it.
func (d *delivery) run(msg *nats.Msg) (run []arrival, err error) {
	for {
		meta, err := msg.Metadata()
		switch status := msg.Header.Get("Status"); {
		case err == nil:
			run = append(run, arrival{Message{
				Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Subject: msg.Subject, Header: msg.Header, Data: msg.Data,
			}, meta.Sequence.Consumer})
			d.pending--
		case status == statusExpired:
			d.pending = 0
		case len(run) > 0: // the messages before it count; without a further one the reader finds out
			return run, nil
		default:
			return nil, errors.New("consumer: " + status + " " + msg.Header.Get("Description"))
		}
		if d.pending == 0 {
			if err := d.request(); err != nil {
				return nil, err
			}
		}
		if len(run) == batch {
			return run, nil
		}
		select {
		case msg = <-d.messages:
		default:
			return run, nil
		}
	}
}
