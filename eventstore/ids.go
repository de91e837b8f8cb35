package eventstore

import (
	"context"
	"errors"
	"fmt"
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

// blocks hands out ids of blocks that belong to this process alone.
type blocks struct {
	turn       chan struct{} // has what follows; whoever waits for it can give up
	next, last int64         // 0 as long as there is none
}

func newBlocks() blocks { return blocks{turn: make(chan struct{}, 1)} }

// NextID answers a client id that no replica has been given before, as long as there is one counter. It is not far below
// floor, the highest id known to be in use, which makes up for a counter that was lost: blocks begin above it. Ids of such
// a counter may all the same be given twice, and only one of them is then stored: see Append. It waits no longer than ctx
// lasts, also not for others who wait for a block.
func (s *Store) NextID(ctx context.Context, floor int64) (int64, error) {
	select {
	case s.ids.turn <- struct{}{}:
		defer func() { <-s.ids.turn }()
	case <-ctx.Done():
		return 0, domain.NoStore(ctx.Err())
	}
	if floor < s.ids.last {
		s.ids.next = max(s.ids.next, floor+1)
	}
	if s.ids.next == 0 || s.ids.next > s.ids.last || floor > s.ids.last+maxLead {
		if err := s.takeBlock(ctx, max(floor, s.ids.last)); err != nil {
			return 0, domain.NoStore(err)
		}
	}
	id := s.ids.next
	s.ids.next++
	return id, nil
}

// takeBlock counts on by a block. A counter that is behind floor is moved on by as much more: those ids are left out.
func (s *Store) takeBlock(ctx context.Context, floor int64) error {
	size := int64(blockSize)
	top, err := s.count(ctx, size)
	if err == nil && top-size < floor {
		s.config.Log.Warn("the id counter is behind the ids in use and is moved on", "counter", top, "highest id", floor)
		size = floor - min(top, floor) + blockSize
		top, err = s.count(ctx, size)
	}
	if err != nil {
		return fmt.Errorf("take ids: %w", err)
	}
	s.ids.next, s.ids.last = max(top-size, floor)+1, top
	return nil
}

// countAttempt is how long the counter is waited for before it is asked again: its leader may have gone with the answer.
const countAttempt = time.Second

// count adds n to the counter and answers the sum; where it does not answer it is asked again until ctx ends. No two
// calls are given the same stretch, and a stretch whose answer is lost is never used.
func (s *Store) count(ctx context.Context, n int64) (int64, error) {
	for {
		sum, err := s.countOnce(ctx, n)
		var config *ConfigError
		if err == nil || errors.As(err, &config) || jsapi.Classify(err) == jsapi.Refused || ctx.Err() != nil {
			return sum, err
		}
		jsapi.Pause(ctx)
	}
}

func (s *Store) countOnce(ctx context.Context, n int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, countAttempt)
	defer cancel()
	ack, err := s.api.PublishOnce(ctx, &nats.Msg{Subject: idSubject, Header: nats.Header{"Nats-Incr": {"+" + strconv.FormatInt(n, 10)}}})
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // it has no leader at the moment, or somebody has deleted it
		if _, err := jsapi.WithContext(ctx, func() (struct{}, error) { return struct{}{}, s.ensureStream(ctx, s.idStream()) }); err != nil {
			return 0, err
		}
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(ack.Value, 10, 64)
}
