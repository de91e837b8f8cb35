package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// blockSize is how many ids are taken from the counter at once. What a process has not used when it ends is lost. maxLead
// is how far ids in use may be ahead of a block before the rest of it is left out, so that ids grow more or less.
const (
	blockSize = 100
	maxLead   = 5 * blockSize
)

// ids hands out client ids. It takes blocks of them from a counter in JetStream; a block belongs to this process alone.
type ids struct {
	api        *jsapi.Client
	log        *slog.Logger
	counter    jetstream.StreamConfig
	lock       chan struct{} // guards the block; waiting for it can end with a context
	next, last int64         // of the block; 0 as long as there is none
}

// NextID returns a client id that no replica has been given before, as long as there is one counter. It is not far below
// floor, the highest id known to be in use, which makes up for a counter that was lost: blocks begin above it. Ids of such
// a counter may still be given twice, and only one of them is then stored: see Append. It does not outlast ctx, also not to
// wait for others that take a block.
func (s *Store) NextID(ctx context.Context, floor int64) (int64, error) {
	i := s.ids
	select {
	case i.lock <- struct{}{}:
		defer func() { <-i.lock }()
	case <-ctx.Done():
		return 0, domain.NoStore(ctx.Err())
	}
	if floor < i.last {
		i.next = max(i.next, floor+1)
	}
	if i.next == 0 || i.next > i.last || floor > i.last+maxLead {
		if err := i.takeBlock(ctx, max(floor, i.last)); err != nil {
			return 0, domain.NoStore(err)
		}
	}
	id := i.next
	i.next++
	return id, nil
}

// takeBlock moves the counter on by a block. A counter that is behind floor is moved on by as much more: those ids are
// left out.
func (i *ids) takeBlock(ctx context.Context, floor int64) error {
	size := int64(blockSize)
	top, err := i.add(ctx, size)
	if err == nil && top-size < floor {
		i.log.Warn("id counter behind, advanced", "counter", top, "highest_id", floor)
		size = floor - min(top, floor) + blockSize
		top, err = i.add(ctx, size)
	}
	if err != nil {
		return fmt.Errorf("take ids: %w", err)
	}
	i.next, i.last = max(top-size, floor)+1, top
	return nil
}

// counterAttempt is how long the counter is waited for before it is asked again: its leader may have gone with the response.
const counterAttempt = time.Second

// add adds n to the counter and returns the sum; it tries until ctx ends. No two calls are given the same stretch, and a
// stretch whose response is lost is never used.
func (i *ids) add(ctx context.Context, n int64) (int64, error) {
	for {
		sum, err := i.addOnce(ctx, n)
		if err == nil || errors.As(err, new(*ConfigError)) || jsapi.Classify(err) == jsapi.Refused || ctx.Err() != nil {
			return sum, err
		}
		jsapi.Pause(ctx)
	}
}

func (i *ids) addOnce(ctx context.Context, n int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, counterAttempt)
	defer cancel()
	ack, err := i.api.PublishOnce(ctx, &nats.Msg{Subject: idSubject, Header: nats.Header{"Nats-Incr": {"+" + strconv.FormatInt(n, 10)}}})
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // it has no leader at the moment, or was deleted
		if _, failed := i.api.EnsureStream(ctx, i.counter); failed != nil {
			return 0, failed
		}
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(ack.Value, 10, 64)
}
