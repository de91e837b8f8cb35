package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"clients/eventstore"
)

// readReservations looks at what stands under idempotency keys, and keeps those that answer, to be held against the event
// that they answer for.
func (n *auditor) readReservations(ctx context.Context) error {
	reached, done := n.Stage(InMessages, n.History.Keys), uint64(0)
	for r, err := range n.History.Reservations(ctx) {
		if err != nil {
			return err
		}
		n.findings.Keys++
		if r.Fault != "" {
			n.fault(reservationFault(r, r.Fault))
		} else if r.Result != nil {
			n.answers[r.ClientID] = append(n.answers[r.ClientID], r)
		}
		done++
		reached(min(done, n.History.Keys))
	}
	return nil
}

// readQuarantine looks at the messages of other services that could not be used.
func (n *auditor) readQuarantine(ctx context.Context) error {
	for q, err := range n.History.Quarantined(ctx) {
		if err != nil {
			return err
		}
		n.findings.Quarantined++
		if wrong := q.Fault(); wrong != "" {
			n.fault(Fault{First: q.Number, Last: q.Number, Kind: FaultQuarantine, Detail: wrong, Stream: eventstore.QuarantineStream})
		}
	}
	return nil
}

// checkAnswers holds against an event what the keys answer for it.
func (n *auditor) checkAnswers(r eventstore.Record) {
	held := n.answers[r.ClientID]
	if held == nil {
		return
	}
	var open []eventstore.HeldReservation
	for _, h := range held {
		switch {
		case h.EventID != r.EventID:
			open = append(open, h)
		case h.Account != r.Account, *h.Result != r.Revision():
			n.fault(reservationFault(h, fmt.Sprintf("it answers account %s with version %d of client %d and the checksum %016x, and its event, at sequence %d, is of account %s, with version %d and the checksum %016x",
				h.Account, h.Result.Version, h.ClientID, h.Result.Checksum, r.Sequence, r.Account, r.Version, r.Checksum)))
		}
	}
	n.answers[r.ClientID] = open
}

// checkRemainingAnswers tells of those whose event is not in the stream, provided that all of the stream could be read.
func (n *auditor) checkRemainingAnswers() {
	if n.unread || n.History.First > 1 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(n.answers)) {
		for _, h := range n.answers[id] {
			n.fault(reservationFault(h, fmt.Sprintf("it answers with version %d of client %d, and its event %s is not in the stream", h.Result.Version, id, h.EventID)))
		}
	}
}

func reservationFault(r eventstore.HeldReservation, detail string) Fault {
	return Fault{First: r.Sequence, Last: r.Sequence, Kind: FaultReservation, Detail: detail, Stream: eventstore.KeysStream}
}
