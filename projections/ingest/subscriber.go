package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"clients/eventstore"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// Subscriber is a Watermill subscriber whose topics are the sources. It hands out messages in the order of their
// stream, up to window of them before the first is acknowledged. One that is not acknowledged is handed out again and
// again, after a pause; those behind it are not held back by the Subscriber, but know which one they follow on.
type Subscriber struct {
	ingest *Ingest

	mu            sync.Mutex
	subscriptions []*subscription
}

const (
	window    = 1024
	nackPause = time.Second
)

// Subscribe reads the stream named topic, from where the record of it ends, until ctx ends or the Subscriber is closed.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	recorder, err := s.ingest.recorderOf(topic)
	if err != nil {
		return nil, err
	}
	sub := &subscription{
		ingest: s.ingest, source: recorder.source,
		out: make(chan *message.Message), room: make(chan struct{}, window), ended: make(chan struct{}),
	}
	ctx, sub.cancel = context.WithCancel(ctx)
	s.mu.Lock()
	s.subscriptions = append(s.subscriptions, sub)
	s.mu.Unlock()
	go func() {
		defer close(sub.ended)
		sub.read(ctx)
		sub.underWay.Wait()
		close(sub.out)
	}()
	return sub.out, nil
}

// Close ends all subscriptions.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		sub.cancel()
		<-sub.ended
	}
	return nil
}

// subscription hands out one source.
type subscription struct {
	ingest   *Ingest
	source   eventstore.Source
	cancel   context.CancelFunc
	out      chan *message.Message
	room     chan struct{}
	underWay sync.WaitGroup
	ended    chan struct{}

	// What is being read, for the reader alone.
	created time.Time
	round   int
	reading context.Context
	again   context.CancelFunc // ends reading
}

// read reads until ctx ends. When a stream was put back, whatever of it is under way is forgotten and read again from
// the record, as a restart does.
func (s *subscription) read(ctx context.Context) {
	for ctx.Err() == nil {
		s.reading, s.again = context.WithCancel(ctx)
		s.created = time.Time{}
		reader := &eventstore.SourceReader{Store: s.ingest.config.Store, Source: s.source, Handler: s, Log: s.ingest.config.Log}
		_ = reader.Read(s.reading)
		s.again()
	}
}

// Reached answers from the directory, once that shows everything that is stored.
func (s *subscription) Reached(ctx context.Context, created time.Time) (uint64, time.Time, error) {
	if err := s.ingest.config.Directory.Refresh(ctx); err != nil {
		return 0, time.Time{}, err
	}
	reached, _ := s.ingest.config.Directory.Reached(s.source.Stream, created)
	if created.Equal(s.created) && reached.Generation != s.round { // another replica has found out
		s.again()
		return 0, time.Time{}, errPutBack
	}
	s.created, s.round = created, reached.Generation
	return reached.Sequence, reached.StoredAt, nil
}

// Rewind records that the stream is read from its beginning again.
func (s *subscription) Rewind(ctx context.Context, state eventstore.SourceState) error {
	recorder, err := s.ingest.recorderOf(s.source.Stream)
	if err != nil {
		return err
	}
	if err := recorder.rewind(ctx, state, s.round); err != nil {
		return err
	}
	s.again()
	return errPutBack
}

// Handle hands a message out as soon as there is room for it. The message outlives ctx, which ends whenever the reader
// loses its connection: it will not be read again for that.
func (s *subscription) Handle(ctx context.Context, m eventstore.SourceMessage) error {
	select {
	case s.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	m.Round = s.round
	s.ingest.metrics.read(m)
	reading, first := s.reading, newMessage(s.reading, m)
	select {
	case s.out <- first:
	case <-ctx.Done():
		<-s.room
		return ctx.Err()
	}
	s.underWay.Go(func() {
		defer func() { <-s.room }()
		s.settle(reading, m, first)
	})
	return nil
}

// settle waits for a message to be acknowledged, and hands it out again when it is not.
func (s *subscription) settle(ctx context.Context, m eventstore.SourceMessage, msg *message.Message) {
	for {
		select {
		case <-msg.Acked():
			return
		case <-msg.Nacked():
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(nackPause):
		case <-ctx.Done():
			return
		}
		msg = newMessage(ctx, m)
		select {
		case s.out <- msg:
		case <-ctx.Done():
			return
		}
	}
}

// Missing keeps the metric, and tells when it changes.
func (s *subscription) Missing(missing bool) {
	if !s.ingest.metrics.missing(s.source.Stream, missing) {
		return
	}
	if missing {
		s.ingest.config.Log.Error("a stream of another service does not exist: until it does, no client can be deleted or deactivated", "stream", s.source.Stream)
		return
	}
	s.ingest.config.Log.Info("the stream of another service is there", "stream", s.source.Stream)
}

// Expired counts what nobody will ever know.
func (s *subscription) Expired(messages uint64) {
	s.ingest.metrics.expired.WithLabelValues(s.source.Stream).Add(float64(messages))
	s.ingest.config.Log.Error("messages of another service were gone before they were read: what they said is lost", "stream", s.source.Stream, "messages", messages)
}

type sourceKey struct{}

// newMessage carries a message of a source through Watermill, whose own fields cannot hold all of it.
func newMessage(ctx context.Context, m eventstore.SourceMessage) *message.Message {
	msg := message.NewMessage(fmt.Sprintf("%s:%d", m.Stream, m.Sequence), m.Data)
	if id := header(m.Header, "ce-correlationid"); id != "" {
		middleware.SetCorrelationID(id, msg)
	}
	msg.SetContext(context.WithValue(ctx, sourceKey{}, m))
	return msg
}

func sourceOf(msg *message.Message) eventstore.SourceMessage {
	m, _ := msg.Context().Value(sourceKey{}).(eventstore.SourceMessage)
	return m
}
