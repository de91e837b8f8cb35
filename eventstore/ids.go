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

// blockSize is how many ids are taken from the counter at once, or more if they are used up sooner than the next ones can be taken.
// What a process has not used when it ends is lost.
const (
	blockSize    = 100
	maxBlockSize = 100 * blockSize
)

// ids hands out client ids. It takes blocks of them from a counter in JetStream, each before the one in front of it is used up; a
// block belongs to this process alone.
type ids struct {
	api     *jsapi.Client
	log     *slog.Logger
	counter jetstream.StreamConfig
	lock    chan struct{} // guards what follows; waiting for it can end with a context
	block
	begun time.Time  // when the first id of the block was handed out
	ahead chan block // the next block as soon as it is taken, an empty one if that fails; nil while none is being taken
}

// block is a range of ids.
type block struct {
	next, last int64 // next > last: none is left
	size       int64
	took       time.Duration // to take it
}

// isFarBehind reports whether the ids are so far below those in use that they are left out, so that ids grow more or less.
func (b block) isFarBehind(floor int64) bool { return floor > b.last+5*b.size }

// NextID returns a client id that no replica has been given before, as long as the counter is not lost. floor is the highest id
// known to be in use: the id is not far below it, and new blocks begin above it, even if the counter was lost and began anew.
// After such a loss two replicas may get the same id, but only one of them can store a client with it: see Append. NextID
// returns when ctx ends, also while others take a block.
func (s *Store) NextID(ctx context.Context, floor int64) (int64, error) {
	i := s.ids
	select {
	case i.lock <- struct{}{}:
		defer func() { <-i.lock }()
	case <-ctx.Done():
		return 0, domain.NoStore(ctx.Err())
	}
	for {
		if floor < i.last {
			i.next = max(i.next, floor+1)
		}
		if i.next <= i.last && !i.isFarBehind(floor) {
			break
		}
		if err := i.nextBlock(ctx, max(floor, i.last)); err != nil {
			return 0, domain.NoStore(err)
		}
	}
	id := i.next
	i.next++
	if i.ahead == nil && i.last-id < i.size/2 {
		i.takeAhead(max(floor, i.last))
	}
	return id, nil
}

// nextBlock goes on to the block that is being taken, or takes one if there is none.
func (i *ids) nextBlock(ctx context.Context, floor int64) (err error) {
	var next block
	if i.ahead != nil {
		select {
		case next = <-i.ahead:
			i.ahead = nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if next.size == 0 || next.isFarBehind(floor) {
		if next, err = i.takeBlock(ctx, floor, i.nextSize()); err != nil {
			return err
		}
	}
	i.block, i.begun = next, time.Now()
	return nil
}

// takeAhead begins to take the next block.
func (i *ids) takeAhead(floor int64) {
	size, taken := i.nextSize(), make(chan block, 1)
	i.ahead = taken
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), publishLimit)
		defer cancel()
		next, _ := i.takeBlock(ctx, floor, size)
		taken <- next
	}()
}

// nextSize returns the size of the next block: twice that of this one if half of this one was used up while two could be taken.
func (i *ids) nextSize() int64 {
	if time.Since(i.begun) < 2*i.took {
		return min(2*i.size, maxBlockSize)
	}
	return max(i.size/2, blockSize)
}

// takeBlock moves the counter on by a block. A counter that is behind floor is moved on by as much more: those ids are
// left out.
func (i *ids) takeBlock(ctx context.Context, floor, size int64) (block, error) {
	begun, add := time.Now(), size
	top, err := i.add(ctx, add)
	if err == nil && top-add < floor {
		i.log.Warn("id counter behind, advanced", "counter", top, "highest_id", floor)
		add = floor - min(top, floor) + size
		top, err = i.add(ctx, add)
	}
	if err != nil {
		return block{}, fmt.Errorf("take ids: %w", err)
	}
	return block{max(top-add, floor) + 1, max(top, floor), size, time.Since(begun)}, nil
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
