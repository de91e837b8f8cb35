package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Follow hands every message of the stream behind sequence after to apply, in order, without a gap and each once, in
// runs of those that have arrived by then. It goes on until ctx ends or apply fails.
//
// It answers a *CorruptError or an *UnknownEventError when the stream holds what must not be skipped, after all the
// messages before it were applied.
func (s *Store) Follow(ctx context.Context, after uint64, apply func([]Record) error) error {
	for {
		reached, err := s.followOnce(ctx, after, apply)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errInterrupted):
			s.config.Log.Warn("following the stream again", "after", reached, "reason", err)
		case err != nil:
			return err
		}
		after = reached
	}
}

var errInterrupted = errors.New("interrupted")

// A follower that is behind the stream and gets nothing for this long is given up for a new one.
const stallLimit = 5 * time.Second

// runLength bounds how many messages are applied at once.
const runLength = 512

type delivery struct {
	record Record
	err    error
}

func (s *Store) followOnce(ctx context.Context, after uint64, apply func([]Record) error) (uint64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrivals := make(chan delivery, 4*runLength)
	consumption, err := s.consume(ctx, after+1, arrivals)
	if err != nil {
		return after, s.pause(ctx, err)
	}
	defer consumption.Stop()
	stall := time.NewTicker(stallLimit)
	defer stall.Stop()
	moved := false
	run := make([]Record, 0, runLength)
	for {
		var fault error
		select {
		case <-ctx.Done():
			return after, ctx.Err()
		case <-stall.C:
			if last, err := s.LastSequence(ctx); !moved && err == nil && last > after {
				return after, s.explainGap(ctx, after+1)
			}
			moved = false
			continue
		case d := <-arrivals:
			run, fault = s.collect(ctx, run[:0], after, d, arrivals)
		}
		if len(run) > 0 {
			if err := apply(run); err != nil {
				return after, err
			}
			after, moved = run[len(run)-1].Sequence, true
			s.config.HighWater.advance(after)
		}
		if fault != nil {
			return after, fault
		}
	}
}

// consume delivers the decoded messages of the stream from a sequence on.
func (s *Store) consume(ctx context.Context, from uint64, arrivals chan<- delivery) (jetstream.ConsumeContext, error) {
	consumer, err := s.js.OrderedConsumer(ctx, Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return nil, err
	}
	return consumer.Consume(func(msg jetstream.Msg) {
		var d delivery
		meta, err := msg.Metadata()
		if err != nil {
			d.err = fmt.Errorf("%w: %w", errInterrupted, err)
		} else {
			d.record, d.err = decode(meta.Sequence.Stream, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data())
		}
		select {
		case arrivals <- d:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(2*runLength))
}

// collect adds d and what else has arrived to run, as long as one sequence follows on the other.
func (s *Store) collect(ctx context.Context, run []Record, after uint64, d delivery, arrivals <-chan delivery) ([]Record, error) {
	for {
		switch sequence := d.record.Sequence; {
		case errors.Is(d.err, errInterrupted):
			return run, d.err
		case sequence <= after: // a repeat after a reconnect
		case sequence > after+1:
			return run, s.explainGap(ctx, after+1)
		case d.err != nil:
			return run, d.err
		default:
			run, after = append(run, d.record), sequence
		}
		if len(run) == cap(run) {
			return run, nil
		}
		select {
		case d = <-arrivals:
		default:
			return run, nil
		}
	}
}

// explainGap tells whether a message that did not arrive is gone, or was only not known to the server that delivers.
func (s *Store) explainGap(ctx context.Context, missing uint64) error {
	_, err := s.next(ctx, "", missing)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return &CorruptError{Sequence: missing, Reason: "the message is missing"}
	}
	return fmt.Errorf("%w: message %d did not arrive", errInterrupted, missing)
}

// pause keeps a follower that cannot even begin from asking all the time.
func (s *Store) pause(ctx context.Context, cause error) error {
	select {
	case <-time.After(200 * time.Millisecond):
	case <-ctx.Done():
	}
	return fmt.Errorf("%w: %w", errInterrupted, cause)
}
