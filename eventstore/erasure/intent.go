package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// begin returns the ids of the servers, all of which have to be there. It notes those that were rebuilt.
func (e *Eraser) begin(ctx context.Context, rebuilt []string, clients []Client) (ids map[string]string, err error) {
	info, err := e.stream(ctx, eventstore.Stream)
	if err != nil {
		return nil, err
	}
	if info.Config.DenyDelete {
		return nil, ErrDenyDelete
	}
	e.epoch = eventstore.EpochOf(info.Config.Metadata[eventstore.EpochKey], info.Created)
	begun, err := e.unfinished(ctx, clients...)
	if err != nil {
		return nil, err
	}
	behind, err := e.awaitCurrent(ctx, begun, beginLimit)
	if err == nil && len(behind) > 0 {
		err = fmt.Errorf("servers are not current: %s", strings.Join(behind, ", "))
	}
	if err != nil {
		return nil, err
	}
	if ids, err = e.servers(ctx); err != nil {
		return nil, err
	}
	return ids, e.noteRebuilt(ctx, begun, ids, rebuilt)
}

const beginLimit = 10 * time.Second // for all servers to be current

// intend stores the intent to erase what the stream has of a client, unless all of that is intended already. created is as in erase.
func (e *Eraser) intend(ctx context.Context, c Client, ids map[string]string, created map[Client]time.Time) error {
	records, err := e.records(ctx, c.subject(), 0)
	if err != nil {
		return err
	}
	h := historyOf(records)
	switch {
	case h.version == 0 && (h.known || created != nil):
		err = e.checkOwner(ctx, c)
	case !h.known:
		err = ErrUnknown
	case h.exists && created == nil:
		err = ErrExists
	}
	var messages []eventstore.RemovedMessage
	for _, m := range eventstore.RemovedMessages(records) {
		if _, intended := e.removals.Record(m.Sequence); !intended {
			messages = append(messages, m)
		}
	}
	if at := created[c]; err == nil && created != nil && len(messages) > 0 && !messages[0].StoredAt.Equal(at) {
		err = fmt.Errorf("it was created at %s, and the erased one at %s: the list is of another store, or the id was given out again",
			messages[0].StoredAt.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
	}
	if err != nil {
		return err
	}
	removal := eventstore.Removal{
		Reason: eventstore.ReasonErasure, Account: c.Account, ClientID: c.ID, Messages: messages, Servers: ids, Epoch: e.epoch,
	}
	begun, err := e.unfinished(ctx, c)
	if err != nil {
		return err
	}
	for _, r := range begun {
		removal.Servers = r.Removal.Servers
	}
	if h.known && len(messages) == 0 {
		letters, err := e.lettersOf(ctx, c)
		if err == nil && len(letters) > 0 && len(begun) == 0 {
			err = eventstore.AppendRemoval(ctx, e.nc, removal)
		}
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return eventstore.AppendErasure(ctx, e.nc, domain.Envelope{
		EventID: id.String(), Version: h.version + 1, Time: time.Now(), Actor: "clients erase", CorrelationID: id.String(),
	}, h.last, removal)
}

// unfinished returns the erasures of clients that are not done. Those of another epoch know no servers.
func (e *Eraser) unfinished(ctx context.Context, clients ...Client) (begun []eventstore.Record, err error) {
	_, err = e.removals.Read(ctx, e.api)
	for _, r := range e.removals.Unfinished() {
		if !slices.Contains(clients, Client{r.Removal.Account, r.Removal.ClientID}) {
			continue
		}
		removal := *r.Removal
		if removal.Epoch != e.epoch {
			removal.Servers = nil
		}
		r.Removal = &removal
		begun = append(begun, r)
	}
	return begun, err
}

// history is what the messages of a client say of it.
type history struct {
	known, exists bool
	version, last uint64 // of the client, and the sequence of its last message
}

func historyOf(records []eventstore.Record) (h history) {
	for _, r := range records {
		h.known, h.last = true, r.Sequence
		if r.Event == nil || r.Version <= h.version {
			continue
		}
		h.version, h.exists = r.Version, !r.IsErasure() && !r.IsDeletion()
	}
	return h
}

// checkOwner returns an error if the id of a client without an event belongs to a client of another account.
func (e *Eraser) checkOwner(ctx context.Context, c Client) error {
	others, err := e.records(ctx, Client{"*", c.ID}.subject(), 0)
	for _, r := range others {
		if r.Event != nil {
			return fmt.Errorf("the id belongs to account %s", r.Account)
		}
	}
	return err
}

func (c Client) subject() string { return fmt.Sprintf("clients.%s.%d", c.Account, c.ID) }

// records returns the messages of a subject, up to a sequence if that is not 0, as the stream's leader has them. The last of
// them comes with the error if it cannot be decoded.
func (e *Eraser) records(ctx context.Context, subject string, upTo uint64) (records []eventstore.Record, err error) {
	for next := uint64(1); upTo == 0 || next <= upTo; {
		m, err := e.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: next, NextBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && upTo != 0 && m.Sequence > upTo {
			break
		}
		if err != nil {
			return records, err
		}
		record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
		if records = append(records, record); err != nil {
			return records, err
		}
		next = m.Sequence + 1
	}
	return records, nil
}
