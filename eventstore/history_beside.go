package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// KeysStream is the stream behind KeysBucket.
const KeysStream = keysStream

// HeldReservation is what stands under an idempotency key.
type HeldReservation struct {
	Sequence uint64 // in KeysStream
	Account  string
	domain.IdempotencyRecord
	Fault string // why it cannot be read, "" where it can
}

// readKeysBound comes before readBounds: what a reservation up to there answers for is at or before Last.
func (h *History) readKeysBound(ctx context.Context) error {
	info, err := h.from.state(ctx, keysStream, "")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	h.Keys, h.keysLast = info.State.Messages, info.State.Last
	return err
}

// Reservations answers the reservations that were there when the history was opened and still stand as they did. It ends
// with the first error: not all could be read.
func (h *History) Reservations(ctx context.Context) iter.Seq2[HeldReservation, error] {
	return func(yield func(HeldReservation, error) bool) {
		for m, err := range h.beside(ctx, keysStream, keySubjects+">", h.keysLast) {
			if err != nil {
				yield(HeldReservation{}, err)
				return
			}
			if m.Subject == scrubSubject {
				continue
			}
			if r, held := heldReservation(m); held && !yield(r, nil) {
				return
			}
		}
	}
}

// heldReservation answers false for a message that says that a key was deleted.
func heldReservation(m jsapi.Message) (HeldReservation, bool) {
	r := HeldReservation{Sequence: m.Sequence}
	r.Account, _, _ = strings.Cut(strings.TrimPrefix(m.Subject, keySubjects), ".")
	key, err := keyOf(m)
	if err == nil && key.value == nil {
		return r, false
	}
	if err == nil {
		r.IdempotencyRecord, err = unmarshalReservation(key.value)
	}
	switch {
	case err != nil:
		r.Fault = fmt.Sprintf("what stands under %s cannot be read: %v", m.Subject, err)
	case r.EventID == "" || r.ClientID == 0:
		r.Fault = fmt.Sprintf("what stands under %s is no reservation", m.Subject)
	}
	return r, true
}

// Quarantined answers all messages in quarantine. It ends with the first error: not all could be read.
func (h *History) Quarantined(ctx context.Context) iter.Seq2[Quarantined, error] {
	return func(yield func(Quarantined, error) bool) {
		info, err := h.from.state(ctx, QuarantineStream, "")
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return
		}
		if err != nil {
			yield(Quarantined{}, err)
			return
		}
		for m, err := range h.beside(ctx, QuarantineStream, quarantineSubject+".>", info.State.Last) {
			if !yield(quarantined(m, m.Header()), err) || err != nil {
				return
			}
		}
	}
}

// Fault says what is missing of what Put stores with a message, "" for nothing.
func (q Quarantined) Fault() string {
	switch {
	case q.Reason == "":
		return "it does not say why it is in quarantine"
	case q.Message.Stream == "", q.Message.Sequence == 0, q.Message.Created.IsZero():
		return "it does not say where it was read"
	}
	return ""
}

// beside answers the messages of a stream beside that of events, up to a sequence.
func (h *History) beside(ctx context.Context, stream, subjects string, last uint64) iter.Seq2[jsapi.Message, error] {
	return func(yield func(jsapi.Message, error) bool) {
		for next := uint64(1); next <= last; {
			m, err := h.from.message(ctx, stream, jsapi.Query{Sequence: next, NextBySubject: subjects})
			if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && m.Sequence > last {
				return
			}
			if err != nil {
				err = fmt.Errorf("read stream %s from %d on: %w", stream, next, err)
			}
			if !yield(m, err) || err != nil {
				return
			}
			next = m.Sequence + 1
		}
	}
}
