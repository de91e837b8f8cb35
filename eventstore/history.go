package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// History is all that a service has stored on a NATS system, to be looked through as of the moment it was opened, also
// while the service runs. It creates no stream and alters none, whatever it finds.
type History struct {
	First, Last uint64 // sequences of the stream; First is Last+1 where there is no message
	Messages    uint64 // in between
	// Counter is the highest client id that was handed out; Counted tells whether there is a counter at all.
	Counter int64
	Counted bool
	store   *Store // without a writer: nothing is appended

	// Servers are the names of those that hold the stream together and are there; there is none where one holds it alone.
	Servers []string
	server  string // whose copy Records reads; "" for any
	ahead   int    // messages that are delivered to it ahead; 0 for many
	lacking func(sequence uint64)
}

// OpenHistory finds out how far the history on a NATS system goes. It answers ErrNoHistory where there is none, or the
// last fault met, when no stream leader is there before ctx ends.
func OpenHistory(ctx context.Context, nc *nats.Conn) (*History, error) {
	store, err := newStore(nc, Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	h := &History{store: store}
	for _, read := range []func(context.Context) error{h.readBounds, h.readCounter} { // in this order: see there
		if err := jsapi.Retry(ctx, store.config.Log, read); err != nil {
			return nil, fmt.Errorf("open history: %w", err)
		}
	}
	return h, nil
}

// Extend makes it a history of what has been stored behind Last since.
func (h *History) Extend(ctx context.Context) error {
	next := h.Last + 1
	err := jsapi.Retry(ctx, h.store.config.Log, h.readBounds)
	if h.First = max(h.First, next); h.Last < next { // or the one that answers has not all of it yet
		h.First, h.Last = next, next-1
	}
	if err != nil {
		return fmt.Errorf("extend history: %w", err)
	}
	return nil
}

func (h *History) readBounds(ctx context.Context) error {
	info, err := h.store.api.StreamInfo(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w (%w)", ErrNoHistory, err)
	}
	h.First, h.Last, h.Messages = max(info.State.First, 1), info.State.Last, info.State.Messages
	if h.Messages == 0 {
		h.First = h.Last + 1
	}
	h.Servers = info.Cluster.Present()
	return err
}

// InBursts makes Records read so many messages at a time, so that it can be slowed down.
func (h *History) InBursts(messages int) { h.ahead = messages }

// OfServer makes Records read one server's copy of the stream. What that copy lacks and the leader has is read from the
// leader, and reported to lacking.
func (h *History) OfServer(server string, lacking func(sequence uint64)) {
	h.server, h.lacking = server, lacking
}

// Outlast waits until no leader can be answering any more that was replaced before the call.
func (h *History) Outlast(ctx context.Context) error {
	if len(h.Servers) < 2 {
		return nil
	}
	select {
	case <-time.After(staleLeader):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readCounter comes after readBounds: an id is counted before a client has it, so that no client up to Last may have one
// above what is read here.
func (h *History) readCounter(ctx context.Context) error {
	answer, err := h.store.api.Message(ctx, IDStream, jsapi.Query{LastBySubject: idSubject})
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the counter of ids: %w", err)
	}
	var counter struct {
		Value string `json:"val"`
	}
	if err := json.Unmarshal(answer.Data, &counter); err != nil {
		return nil // as good as none
	}
	h.Counter, err = strconv.ParseInt(counter.Value, 10, 64)
	h.Counted = err == nil
	return nil
}
