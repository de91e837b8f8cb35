package erasure

import (
	"context"
	"errors"
	"slices"

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
		if slices.ContainsFunc(clients, func(c Client) bool { return e.concerns(letter, c) }) {
			found = append(found, letter)
		}
	}
	return found, nil
}

// concerns reports whether a dead letter is about a client: a skipped message of it, or an event of another service.
func (c *cluster) concerns(letter deadletter.Letter, of Client) bool {
	m := letter.Message
	if m.Stream == eventstore.Stream {
		return m.Subject == of.subject()
	}
	account, id := c.ClientOf(letter)
	return Client{account, id} == of
}
