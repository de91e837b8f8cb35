package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"clients/eventstore/upstream"

	"github.com/ThreeDotsLabs/watermill/message"
)

// subscriber is a Watermill subscriber that reads one stream. A message is a run of consecutive messages of the stream, and
// is handed out once the one before it is acknowledged: the Router starts a goroutine for each message and keeps no order.
// After a rejected message it continues from the record.
type subscriber struct {
	loop    *loop
	cancel  context.CancelFunc
	reading sync.WaitGroup
	out     chan *message.Message
	missing bool // the stream
}

// Metadata of a message: which messages of which stream it is made of.
const (
	metadataStream = "stream"
	metadataFirst  = "first"
	metadataLast   = "last"
)

// Subscribe reads until ctx ends or the subscriber is closed. It is called once.
func (s *subscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	s.out = make(chan *message.Message)
	ctx, s.cancel = context.WithCancel(ctx)
	reader := &upstream.Reader{Client: s.loop.Upstream, Stream: s.loop.stream, Handler: s, Log: s.loop.Log}
	s.reading.Go(func() {
		defer close(s.out)
		_ = reader.Read(ctx)
	})
	return s.out, nil
}

// Close stops reading.
func (s *subscriber) Close() error {
	s.cancel()
	s.reading.Wait()
	return nil
}

// Recorded returns the end of the record, once the directory shows everything that is stored.
func (s *subscriber) Recorded(ctx context.Context, created time.Time) (upstream.Recorded, error) {
	if err := s.loop.Directory.Refresh(ctx); err != nil {
		return upstream.Recorded{}, err
	}
	reached, _ := s.loop.Directory.Reached(s.loop.stream.Name, created)
	return upstream.Recorded{Sequence: reached.Sequence, StoredAt: reached.StoredAt, Generation: reached.Generation}, nil
}

// Rewind implements upstream.Handler.
func (s *subscriber) Rewind(ctx context.Context, created time.Time, generation int) error {
	return s.loop.rewind(ctx, created, generation)
}

var errRejected = errors.New("not recorded")

// Handle hands out a run, and returns when it is acknowledged or rejected.
func (s *subscriber) Handle(ctx context.Context, run []upstream.Message) error {
	msg := newMessage(ctx, run)
	s.loop.metrics.sequence.WithLabelValues(s.loop.stream.Name).Set(float64(run[len(run)-1].Sequence))
	select {
	case s.out <- msg:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-msg.Acked():
		return nil
	case <-msg.Nacked():
		return errRejected
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Missing implements upstream.Handler.
func (s *subscriber) Missing(reason error) {
	if s.missing == (reason != nil) {
		return
	}
	s.missing = reason != nil
	stream, gauge := s.loop.stream.Name, s.loop.metrics.missing.WithLabelValues(s.loop.stream.Name)
	if s.missing {
		gauge.Set(1)
		s.loop.Log.Error("upstream missing, deletes blocked", "stream", stream, "reason", reason)
		return
	}
	gauge.Set(0)
	s.loop.Log.Info("upstream available", "stream", stream)
}

// Expired implements upstream.Handler.
func (s *subscriber) Expired(messages uint64) {
	s.loop.metrics.expired.WithLabelValues(s.loop.stream.Name).Add(float64(messages))
	s.loop.Log.Error("upstream messages deleted unread", "stream", s.loop.stream.Name, "messages", messages)
}

type runKey struct{}

// newMessage carries a run through Watermill. Its payload cannot hold several messages, nor their headers.
func newMessage(ctx context.Context, run []upstream.Message) *message.Message {
	first, last := run[0], run[len(run)-1]
	msg := message.NewMessage(fmt.Sprintf("%s:%d", first.Stream, first.Sequence), nil)
	msg.Metadata.Set(metadataStream, first.Stream)
	msg.Metadata.Set(metadataFirst, strconv.FormatUint(first.Sequence, 10))
	msg.Metadata.Set(metadataLast, strconv.FormatUint(last.Sequence, 10))
	msg.SetContext(context.WithValue(ctx, runKey{}, run))
	return msg
}

func runOf(msg *message.Message) []upstream.Message {
	run, _ := msg.Context().Value(runKey{}).([]upstream.Message)
	return run
}
