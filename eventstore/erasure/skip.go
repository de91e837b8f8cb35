package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// skipped is the reason of a dead letter that was skipped.
const skipped = "skipped"

// Skip removes a message that stops the service: it is copied to the dead letters and deleted. reason is recorded. A call that was
// interrupted can be repeated.
//
// Errors: ErrDenyDelete; ErrInOrder for a message that does not stop the service; ErrNoMessage; ErrTooLarge; ErrKept.
func (e *Eraser) Skip(ctx context.Context, sequence uint64, reason string) error {
	info, err := e.stream(ctx, eventstore.Stream)
	if err != nil {
		return err
	}
	if info.Config.DenyDelete {
		return ErrDenyDelete
	}
	if err := e.removals.Read(ctx, e.api); err != nil {
		return err
	}
	removed, recorded := e.removals.Record(sequence)
	if removed.ClientID != 0 {
		return fmt.Errorf("%w: it belongs to the erasure of client %d", ErrInOrder, removed.ClientID)
	}
	m, err := e.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: sequence})
	switch {
	case recorded && errors.Is(err, jetstream.ErrMsgNotFound): // skipped before
		return nil
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return ErrNoMessage
	case err != nil:
		return err
	}
	if !recorded {
		if err := e.checkStops(ctx, m); err != nil {
			return err
		}
		if err := e.letters.Ensure(ctx, info.Config.Replicas, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
		letter := upstream.Message{
			Stream: eventstore.Stream, Created: info.Created, Sequence: sequence, StoredAt: m.Time, Subject: m.Subject,
			Header: m.Header(), Data: m.Data,
		}
		switch _, err := e.letters.PutWhole(ctx, letter, skipped, reason); {
		case errors.Is(err, nats.ErrMaxPayload):
			return fmt.Errorf("%w: max_payload of the NATS server is %d bytes", ErrTooLarge, e.nc.MaxPayload())
		case err != nil:
			return err
		}
		err := eventstore.AppendRemoval(ctx, e.nc, eventstore.Removal{
			Reason: reason, Messages: []eventstore.RemovedMessage{{Sequence: sequence, StoredAt: m.Time.UTC()}},
		})
		if err != nil {
			return err
		}
	}
	behind, err := e.awaitCurrent(ctx, nil, beginLimit)
	if err != nil {
		return err
	}
	if len(behind) > 0 {
		return fmt.Errorf("%w: %s", ErrKept, strings.Join(behind, ", "))
	}
	return e.overwrite(ctx, eventstore.Stream, sequence)
}

// checkStops returns ErrInOrder for a message that does not stop the service.
func (e *Eraser) checkStops(ctx context.Context, m jsapi.Message) error {
	record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
	if err != nil {
		return nil
	}
	if record.Event == nil {
		return inOrder(record.Foreign)
	}
	records, err := e.records(ctx, record.ClientID, m.Sequence)
	sequence, stops := eventstore.StoppedAt(err)
	switch {
	case stops && sequence == m.Sequence:
		return nil
	case stops:
		return fmt.Errorf("another message is to be skipped first: %w", err)
	case err != nil:
		return err
	case len(records) == 0: // it was removed meanwhile
		return ErrNoMessage
	}
	return inOrder(records[len(records)-1].Foreign)
}

// inOrder returns ErrInOrder with the reason.
func inOrder(foreign string) error {
	if foreign != "" {
		return fmt.Errorf("%w: it is foreign, and the service ignores it: %s", ErrInOrder, foreign)
	}
	return fmt.Errorf("%w: the service applies it", ErrInOrder)
}
