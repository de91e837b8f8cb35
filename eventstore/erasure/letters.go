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
func (e *Eraser) overwriteLetter(ctx context.Context, letter deadletter.Letter) error {
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
		}
		if err != nil {
			return err
		}
	}
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
	return account == c.Account && c.isNamed(m.Data)
}

// isNamed reports whether an event of another service names the client: in its data, or in the data within it in structured mode.
func (c Client) isNamed(event []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(event, &members) != nil {
		return false
	}
	id, err := strconv.ParseFloat(strings.Trim(string(members["client_id"]), `"`), 64)
	if err == nil && int64(id) == c.ID {
		return true
	}
	var encoded []byte
	if json.Unmarshal(members["data_base64"], &encoded) == nil && c.isNamed(encoded) {
		return true
	}
	return c.isNamed(members["data"])
}
