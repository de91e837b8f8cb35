package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/upstream"

	"github.com/ThreeDotsLabs/watermill/message"
)

// A loop is a Watermill subscriber. A message is a run of consecutive messages of its stream, and is handed out once the
// one before it is acknowledged: the Router starts a goroutine for each message and keeps no order. After a rejected message
// the loop continues from the record.

// Subscribe reads until ctx ends. It is called once.
func (l *loop) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	l.out = make(chan *message.Message)
	reader := &upstream.Reader{Client: l.Upstream, Stream: l.stream, Handler: l, Log: l.Log}
	go func() {
		defer close(l.out)
		_ = reader.Read(ctx)
	}()
	return l.out, nil
}

// Close implements message.Subscriber. Reading ends with the context of Subscribe.
func (l *loop) Close() error { return nil }

// Refresh implements upstream.Handler.
func (l *loop) Refresh(ctx context.Context) error { return l.Directory.Refresh(ctx) }

// Recorded implements upstream.Handler.
func (l *loop) Recorded(created time.Time) upstream.Recorded {
	reached, _ := l.Directory.Reached(l.stream.Name, created)
	return reached.Recorded
}

// Rewind records that a generation of the stream has ended and returns when the directory shows it. If another replica has
// recorded that first, nothing changes.
func (l *loop) Rewind(ctx context.Context, created time.Time, generation int) error {
	last, err := l.Store.AppendBatch(ctx, []eventstore.Entry{{Reference: domain.ReferenceEvent{
		Source: domain.Position{Stream: l.stream.Name, Created: created, Generation: generation + 1}, Operation: domain.Rewound, Replica: l.Replica,
	}}})
	if err != nil {
		return err
	}
	return l.Directory.Await(ctx, last)
}

var errRejected = errors.New("not recorded")

type runKey struct{}

// Handle hands out a run, and returns when it is acknowledged or rejected. The payload of a Watermill message cannot hold
// several messages, nor their headers: its context has the run.
func (l *loop) Handle(ctx context.Context, run []upstream.Message) error {
	for n, m := range run {
		run[n].Gone = m.Gone || isMarker(m)
	}
	first, last := run[0].Sequence, run[len(run)-1].Sequence
	l.metrics.sequence.WithLabelValues(l.stream.Name).Set(float64(last))
	msg := message.NewMessageWithContext(context.WithValue(ctx, runKey{}, run), fmt.Sprintf("%s:%d", l.stream.Name, first), nil)
	msg.Metadata.Set("stream", l.stream.Name)
	msg.Metadata.Set("first", strconv.FormatUint(first, 10))
	msg.Metadata.Set("last", strconv.FormatUint(last, 10))
	select {
	case l.out <- msg:
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
func (l *loop) Missing(reason error) {
	if l.missing == (reason != nil) {
		return
	}
	l.missing = reason != nil
	gauge := l.metrics.missing.WithLabelValues(l.stream.Name)
	if l.missing {
		gauge.Set(1)
		l.Log.Error("upstream missing, deletes blocked", "stream", l.stream.Name, "reason", reason)
		return
	}
	gauge.Set(0)
	l.Log.Info("upstream available", "stream", l.stream.Name)
}

// Expired implements upstream.Handler.
func (l *loop) Expired(messages uint64) {
	l.metrics.expired.WithLabelValues(l.stream.Name).Add(float64(messages))
	l.Log.Error("upstream messages deleted unread", "stream", l.stream.Name, "messages", messages)
}
