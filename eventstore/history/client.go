package history

import (
	"cmp"
	"context"
	"iter"
	"strconv"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
)

// Reader reads the messages of single clients and accounts. It is safe for concurrent use.
type Reader struct {
	api      *jsapi.Client
	removals *eventstore.Removals
}

// NewReader returns a reader on a connection. It leaves out messages that were removed, also while they are still there.
func NewReader(nc *nats.Conn, removals *eventstore.Removals) *Reader {
	return &Reader{jsapi.New(nc), removals}
}

// Messages returns the messages of one client, or of all clients of an account where id is 0, behind the sequence after and up to
// the sequence upTo, which the caller knows to be stored: in order, each once and none left out, foreign ones included. The caller
// may take any time for each: see jsapi.Client.Messages.
//
// With a message that cannot be read comes an *eventstore.CorruptError or *eventstore.UnknownEventError. Any other error is the
// last element: a domain.Unavailable.
func (r *Reader) Messages(ctx context.Context, account string, id int64, after, upTo uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for m, err := range r.api.Messages(ctx, eventstore.Stream, subjectOf(account, id), after, upTo) {
			if err != nil {
				yield(eventstore.Record{}, domain.NoStore(err))
				return
			}
			if _, removed := r.removals.Record(m.Sequence); removed {
				continue
			}
			if !yield(eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data)) {
				return
			}
		}
	}
}

// subjectOf returns the subject of one client, or the filter for all accounts where account is "", and for all clients where
// clientID is 0.
func subjectOf(account string, clientID int64) string {
	id := "*"
	if clientID != 0 {
		id = strconv.FormatInt(clientID, 10)
	}
	return "clients." + cmp.Or(account, "*") + "." + id
}
