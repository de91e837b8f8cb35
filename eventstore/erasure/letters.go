package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// overwriteLetter overwrites a dead letter, and before that the message itself, if its stream still has it and allows it.
func (e *Eraser) overwriteLetter(ctx context.Context, letter deadletter.Letter, touched map[string]uint64) error {
	m := letter.Message
	original, err := e.api.Message(ctx, m.Stream, jsapi.Query{Sequence: m.Sequence})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
	case err != nil:
		return err
	case m.Stream != eventstore.Stream && original.Subject == m.Subject && original.Time.Equal(m.StoredAt):
		info, err := e.stream(ctx, m.Stream)
		if err == nil && !info.Config.DenyDelete {
			err = e.overwrite(ctx, m.Stream, m.Sequence)
			touched[m.Stream] = m.Sequence
		}
		if err != nil {
			return err
		}
	}
	touched[deadletter.Stream] = letter.Number
	return e.overwrite(ctx, deadletter.Stream, letter.Number)
}

// lettersOf returns the dead letters that are about clients.
func (e *Eraser) lettersOf(ctx context.Context, clients ...Client) (found []deadletter.Letter, err error) {
	for letter, err := range e.letters.All(ctx) {
		if errors.Is(err, deadletter.ErrNoStream) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(clients, func(c Client) bool { return c.isIn(letter) }) {
			found = append(found, letter)
		}
	}
	return found, nil
}

// isIn reports whether a dead letter is about the client: a skipped message of it, or an event of another service that names it.
func (c Client) isIn(letter deadletter.Letter) bool {
	m := letter.Message
	if m.Stream == eventstore.Stream {
		return m.Subject == c.subject()
	}
	_, rest, _ := strings.Cut(m.Subject, ".")
	account, _, _ := strings.Cut(rest, ".")
	type attributes struct {
		ClientID json.RawMessage `json:"client_id"`
	}
	var event struct {
		attributes
		Data attributes `json:"data"` // of an event in structured mode
	}
	if account != c.Account || json.Unmarshal(m.Data, &event) != nil {
		return false
	}
	id := strconv.FormatInt(c.ID, 10)
	return strings.Trim(string(event.ClientID), `"`) == id || strings.Trim(string(event.Data.ClientID), `"`) == id
}
