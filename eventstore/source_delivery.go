package eventstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// consume delivers the messages behind the last one. The consumer lives in memory and is forgotten when it is not used.
func (r *SourceReader) consume(ctx context.Context, arrivals chan<- arrival, interrupted chan<- error) (jetstream.ConsumeContext, error) {
	r.delivered = 0
	attempt, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	consumer, err := r.Store.js.CreateConsumer(attempt, r.Source.Stream, jetstream.ConsumerConfig{
		Description:       "clients: reads what stands in the way of a client's end",
		FilterSubject:     r.Source.Filter,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.last + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	interrupt := func(err error) {
		select {
		case interrupted <- err:
		default:
		}
	}
	return consumer.Consume(func(msg jetstream.Msg) {
		meta, err := msg.Metadata()
		if err != nil {
			interrupt(err)
			return
		}
		m := SourceMessage{
			Stream: r.Source.Stream, Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(),
		}
		select {
		case arrivals <- arrival{m, meta.Sequence.Consumer}:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(sourceBuffer), jetstream.PullExpiry(sourceExpiry), jetstream.PullHeartbeat(sourceTimeout/2),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { interrupt(err) }))
}

// find asks for the first message at or behind a sequence. It answers the zero message where there is none, which it
// does not take from one answer alone: that may come from a server that was the leader.
func (r *SourceReader) find(ctx context.Context, sequence uint64) (m SourceMessage, state SourceState, err error) {
	for range 2 {
		m, err = r.Store.sourceMessage(ctx, r.Source, sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return m, state, err
		}
		if state, err = r.unchanged(ctx); err != nil || m.Sequence != 0 {
			return m, state, err
		}
	}
	return m, state, nil
}

// still makes sure that the stream holds what was handed out of it.
func (r *SourceReader) still(ctx context.Context) error {
	state, err := r.unchanged(ctx)
	if err != nil {
		return err
	}
	if rewound, err := r.rewound(ctx, state, r.last, r.storedAt); err != nil || rewound {
		return cmp.Or(err, errSourceChanged)
	}
	return nil
}

// unchanged makes sure that what was just read is of the stream that is being read.
func (r *SourceReader) unchanged(ctx context.Context) (SourceState, error) {
	state, err := r.Store.SourceState(ctx, r.Source)
	if err == nil && !state.Created.Equal(r.created) {
		err = errSourceChanged
	}
	if err == nil {
		r.state, r.stateAt = state, time.Now()
	}
	return state, err
}
