package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// line is a line of a backup: what is stored under a key.
type line struct {
	Name  string `json:"name"` // in the bucket
	Value []byte `json:"value"`
}

const (
	// entryBatch is how many entries are delivered at once. Read one by one, they would never end while keys are being stored.
	entryBatch = 1000
	// entriesLimit bounds the reading of the entries: those of several hours of writes take a minute.
	entriesLimit = 5 * time.Minute
)

// Backup writes everything that is stored under keys after a sequence of Stream, in order, including all that was stored
// before the call. A value that is replaced meanwhile is written as the newer one only. Together with a backup of the
// bucket up to that sequence this is every value that a key has at the end of the call.
func Backup(ctx context.Context, nc *nats.Conn, after uint64, w io.Writer) error {
	lines := json.NewEncoder(w)
	ctx, cancel := context.WithTimeout(ctx, entriesLimit)
	defer cancel()
	api := jsapi.New(nc)
	info, err := api.StreamInfo(ctx, Stream)
	if err != nil {
		return err
	}
	consumer, err := api.Consumer(ctx, jsapi.Reading{Stream: Stream, After: after})
	if err != nil {
		return err
	}
	delivered, reached := uint64(0), after
	for ctx.Err() == nil {
		batch, err := consumer.FetchNoWait(entryBatch)
		if err != nil {
			return err
		}
		before := delivered
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if delivered++; meta.Sequence.Consumer != delivered {
				return errors.New("incomplete delivery of idempotency records")
			}
			reached = meta.Sequence.Stream
			if isDeletion(m.Headers()) {
				continue
			}
			if err := lines.Encode(line{strings.TrimPrefix(m.Subject(), subjects), m.Data()}); err != nil {
				return err
			}
		}
		switch err := batch.Error(); {
		case errors.Is(err, nats.ErrNoResponders): // in a cluster a consumer responds a moment after it was created
		case err != nil:
			return err
		case delivered-before < entryBatch && reached >= info.State.Last:
			return nil
		}
		jsapi.Pause(ctx)
	}
	return ctx.Err()
}

// Find returns where an event is stored.
type Find func(ctx context.Context, l domain.Lookup) (r domain.AppendResult, found bool, err error)

// Restore stores those entries of a backup again whose event find returns, so that retries of their requests get the
// result. The other entries remain as they are: their events are not in the stream, and retries are decided anew. It returns
// the number of restored and of other entries.
func Restore(ctx context.Context, nc *nats.Conn, find Find, backup io.Reader) (restored, others int, err error) {
	api := jsapi.New(nc)
	for lines := json.NewDecoder(backup); ; {
		var l line
		if err := lines.Decode(&l); err == io.EOF {
			return restored, others, nil
		} else if err != nil {
			return restored, others, err
		}
		stored, err := find.stored(ctx, l)
		if err == nil && stored {
			err = restore(ctx, api, l)
		}
		switch {
		case err != nil:
			return restored, others, fmt.Errorf("key %s: %w", l.Name, err)
		case stored:
			restored++
		default:
			others++
		}
	}
}

// stored reports whether the event of an entry is stored. It waits until the event stream has a leader.
func (find Find) stored(ctx context.Context, l line) (found bool, err error) {
	r, err := decode(l.Value)
	if err != nil {
		return false, nil
	}
	account, _, _ := strings.Cut(l.Name, ".")
	err = jsapi.Retry(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) (err error) {
		_, found, err = find(ctx, domain.Lookup{Account: account, ClientID: r.ClientID, EventID: r.EventID, After: r.After})
		return err
	})
	return found, err
}

// restore stores an entry, whatever is stored under its key.
func restore(ctx context.Context, api *jsapi.Client, l line) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: subjects + l.Name, Data: l.Value, Header: nats.Header{jetstream.MsgIDHeader: {uuid.NewString()}}}
	_, _, err := api.Publish(ctx, msg, jsapi.Attempts{Timeout: attemptTimeout})
	return err
}
