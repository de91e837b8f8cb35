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
	if err := e.noteRebuilt(ctx, begun, ids, rebuilt); err != nil {
		return nil, err
	}
	if begun, err = e.unfinished(ctx, clients...); err != nil {
		return nil, err
	}
	return ids, e.checkRestarted(begun, ids) // at once, not after the histories are read
}

const beginLimit = 10 * time.Second // for all servers to be current

// intend stores the intent to erase what the stream has of a client, unless all of that is intended already. created is as in
// erase. The error is domain.ErrConflict if the client has a newer message than those that were read.
func (e *Eraser) intend(ctx context.Context, c Client, ids map[string]string, created map[Client]time.Time) error {
	h, err := e.history(ctx, c)
	if err != nil {
		return err
	}
	begun, err := e.unfinished(ctx, c) // later, so that each erasure in the history is known
	if err != nil {
		return err
	}
	switch {
	case !h.known() && created == nil:
		err = ErrUnknown
	case h.exists && created == nil:
		err = ErrExists
	}
	var messages []eventstore.RemovedMessage
	for _, m := range eventstore.RemovedMessages(h.records) {
		if _, intended := e.removals.Record(m.Sequence); !intended {
			messages = append(messages, m)
		}
	}
	first := e.removals.First(c.Account, c.ID)
	if first.IsZero() && h.created {
		first = messages[0].StoredAt
	}
	if at := created[c]; err == nil && created != nil && len(messages) > 0 && !first.IsZero() && !first.Equal(at) {
		err = fmt.Errorf("it was created at %s, and the client in the list at %s: the list belongs to another store, or the id was used again",
			first.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
	}
	if err != nil {
		return err
	}
	removal := eventstore.Removal{
		Reason: eventstore.ReasonErasure, Account: c.Account, ClientID: c.ID, Messages: messages, Servers: ids, Epoch: e.epoch,
	}
	for _, r := range begun {
		removal.Servers = r.Removal.Servers
	}
	if h.known() && len(messages) == 0 {
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
		EventID: id.String(), Version: h.version + 1, Time: time.Now(), Actor: "clients erase", CorrelationID: id.String(), CausationID: id.String(),
	}, h.last, removal)
}

// unfinished returns the erasures of clients that are not done. Those of another epoch know no servers.
func (e *Eraser) unfinished(ctx context.Context, clients ...Client) (begun []eventstore.Record, err error) {
	err = e.removals.Read(ctx, e.api)
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
	records []eventstore.Record
	created bool // there is an event that counts and is no erasure
	exists  bool
	version uint64 // of its last event that counts
	last    uint64 // the sequence of its last message
}

// known reports whether there ever was such a client.
func (h history) known() bool { return h.version != 0 }

// history returns the history of a client. The error says so if a message stops the service, or the client is of another account.
func (e *Eraser) history(ctx context.Context, c Client) (h history, err error) {
	records, err := e.records(ctx, c.ID, 0)
	if sequence, stops := eventstore.StoppedAt(err); stops {
		return h, fmt.Errorf("run clients skip %d --reason TEXT first: %w", sequence, err)
	}
	if err != nil {
		return h, err
	}
	for _, r := range records {
		counts := r.Event != nil && r.Foreign == ""
		switch {
		case r.Removed && r.ClientID == 0:
			return h, fmt.Errorf("run clients skip %d --reason TEXT first: that was interrupted", r.Sequence)
		case r.Subject == c.subject():
			h.records, h.last = append(h.records, r), r.Sequence
		case counts:
			return h, fmt.Errorf("the id belongs to account %s", r.Account)
		}
		if counts {
			h.version, h.created, h.exists = r.Version, h.created || !r.IsErasure(), !r.IsErasure() && !r.IsDeletion()
		}
	}
	return h, nil
}

func (c Client) subject() string { return fmt.Sprintf("clients.%s.%d", c.Account, c.ID) }

// records returns the messages of an id, in any account and up to a sequence if that is not 0, as the stream's leader has them
// and as the service folds them: what was removed is so even if it is still there. It ends with the error of a message that stops
// the service.
func (e *Eraser) records(ctx context.Context, id int64, upTo uint64) (records []eventstore.Record, err error) {
	subject, fold := Client{"*", id}.subject(), e.NewFold()
	for next := uint64(1); upTo == 0 || next <= upTo; {
		m, err := e.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: next, NextBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && upTo != 0 && m.Sequence > upTo {
			break
		}
		if err != nil {
			return records, err
		}
		record, removed := e.removals.Record(m.Sequence)
		if !removed {
			record, err = eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
		}
		if err == nil {
			err = fold(&record)
		}
		if err != nil {
			return records, err
		}
		record.Subject = m.Subject // also of one that was skipped
		records = append(records, record)
		next = m.Sequence + 1
	}
	return records, nil
}
