package eventstore

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"clients/domain"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Append stores e as the next message of its client, provided that lastSequence is still the sequence of the last one (0:
// there is none yet). If it returns without error, a majority of the stream's replicas has the event on disk.
//
// Errors: domain.ErrConflict if there is a newer message, so that nothing was stored; a domain.Unavailable if the store
// cannot be reached. With the cause domain.ErrUnknownOutcome the event may have been stored, without it not. An event of
// unknown outcome was sent again unchanged until the deadline. After Append has returned it is not sent again; only what
// waits for a connection that is just being made may reach the stream later.
//
// A lease is confirmed right before each time that the event is sent. If that fails Append sends nothing more, and wraps
// the error of the lease.
func (s *Store) Append(ctx context.Context, e domain.Envelope, lastSequence uint64, lease ...domain.Lease) (domain.AppendResult, error) {
	p, err := newPending(e, lastSequence)
	if err != nil {
		return domain.AppendResult{}, err
	}
	if len(lease) > 0 {
		p.lease = lease[0]
	}
	if d, ok := ctx.Deadline(); ok && d.Before(p.deadline) {
		p.deadline = d
	}
	end := spanOfAppend(ctx, p.msg.Header.Get(headerType))
	result, err := s.writer.append(ctx, p)
	end(err)
	s.Counts.add(err)
	return result, err
}

// Publishing one event: how long an acknowledgement is waited for before the same message is sent again, and how long all
// of that may take.
const (
	publishAttempt = time.Second
	publishLimit   = 2500 * time.Millisecond
)

// pending is an event on its way to the stream.
type pending struct {
	msg          *nats.Msg
	event        domain.Envelope
	revision     domain.Revision // of the client, once it is stored
	lastSequence uint64
	deadline     time.Time     // after it, the event is not sent again
	unknown      bool          // it was sent before, with an unknown outcome
	expected     time.Duration // how long an acknowledgement may take, if that is known
	lease        domain.Lease

	taken atomic.Bool    // by the flush that sends it, or by the caller who gives up on it, whichever comes first
	done  chan published // has room for the result
}

// published is what became of an event.
type published struct {
	result domain.AppendResult
	err    error
}

func newPending(e domain.Envelope, lastSequence uint64) (*pending, error) {
	msg, revision, err := encode(e)
	if err != nil {
		return nil, err
	}
	expect(msg, e, lastSequence)
	return &pending{
		msg: msg, event: e, revision: revision, lastSequence: lastSequence,
		deadline: time.Now().Add(publishLimit), done: make(chan published, 1),
	}, nil
}

// expect makes storing an event depend on what was read: that lastSequence is still the last of its client, and that it
// goes to the stream itself, not to one that has taken its subjects over. For a creation, no account may have a client
// with that id: a counter that was lost may hand one out again.
func expect(msg *nats.Msg, e domain.Envelope, lastSequence uint64) {
	msg.Header[jetstream.ExpectedStreamHeader] = []string{Stream}
	msg.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(lastSequence, 10)}
	if _, creation := e.Event.(domain.ClientCreated); creation && lastSequence == 0 {
		msg.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{subjectOf("*", e.Event.Client())}
	}
}

// spanOfAppend begins the span of an append, if the request that leads to it is traced. The function that it returns ends it.
func spanOfAppend(ctx context.Context, kind string) (end func(err error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return func(error) {}
	}
	_, span := parent.TracerProvider().Tracer("clients/eventstore").Start(ctx, "publish "+Stream, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", Stream),
		attribute.String("messaging.destination.template", "clients.{account}.{client-id}"),
		attribute.String("clients.event.type", kind),
	))
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.RecordError(err)
		}
		span.End()
	}
}
