package jsapi

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Reading says what a consumer delivers.
type Reading struct {
	Stream  string
	Subject string // "" for all
	After   uint64 // the sequence behind which it begins
	Server  string // whose copy of the stream is read; "" for any
}

// consumerLife is how long a consumer outlives its last use.
const consumerLife = time.Minute

// Consumer creates a consumer in the memory of one server. That server may be behind the stream's leader. The cluster
// chooses it at random, so for a certain server the consumer is created again until it is there.
func (c *Client) Consumer(ctx context.Context, r Reading) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	for {
		consumer, err := WithContext(ctx, func() (jetstream.Consumer, error) {
			return c.JetStream.CreateConsumer(ctx, r.Stream, jetstream.ConsumerConfig{
				Description:       "clients: reads the stream",
				FilterSubject:     r.Subject,
				DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
				OptStartSeq:       r.After + 1,
				AckPolicy:         jetstream.AckNonePolicy,
				MemoryStorage:     true,
				Replicas:          1,
				InactiveThreshold: consumerLife,
			})
		})
		if err != nil || r.Server == "" {
			return consumer, err
		}
		info := consumer.CachedInfo()
		if info.Cluster != nil && info.Cluster.Leader == r.Server {
			return consumer, nil
		}
		if err := c.JetStream.DeleteConsumer(ctx, r.Stream, info.Name); err != nil {
			return nil, err
		}
	}
}

// WatchInterval is how long a reader of a stream waits for messages before it looks at whether the stream has moved on.
const WatchInterval = 250 * time.Millisecond

// NextWatch returns how long a reader waits after another interval without messages. delivers says that the stream has one
// replica, so that its consumer is on the same server, and only messages that are read. Then a check can only find messages that
// nats.go has not delivered, or that a server of another process was restarted and has forgotten the reader's request: the intervals grow.
func (c *Client) NextWatch(interval time.Duration, delivers bool) time.Duration {
	switch {
	case !delivers:
		return WatchInterval
	case c.Conn.Opts.InProcessServer != nil:
		return min(2*interval, 10*time.Second)
	default:
		return min(2*interval, 2*time.Second)
	}
}
