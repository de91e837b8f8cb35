// Package history reads the stored events of the stream: a History all of them, for the subcommands verify, events and export
// and the background scrub; a Reader those of single clients and accounts, for the API's histories and feeds.
//
//	NATS -> Open -> History{First, Last, Servers}              how far the stream goes
//	             -> Records -> eventstore.Record, error        each message once, in order, with what is wrong with it
//
// Both also work while the service runs: a History ends at the message that was the last one when it was opened. They create
// no stream and change none.
//
// Records distinguishes a message that is gone from one that only the delivering server lacks: whatever a consumer leaves
// out is requested from the stream's leader. The messages themselves come from a consumer, on any server or on the one
// that Server names.
//
// What a History does not judge: whether the messages contradict each other, see package audit.
package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// History is a range of the stream of events. The caller may make it smaller by changing First and Last, and change how it is read.
type History struct {
	First, Last uint64 // sequences; First is Last+1 where there is no message
	// Removals are the messages that were removed from the stream, as far as they are known.
	Removals *eventstore.Removals
	// Servers are the names of the servers that hold the stream and that its leader hears of; none where one server holds
	// it alone.
	Servers []string

	// Burst is how many messages Records requests at once. A caller that takes its time reads at a low rate with a small one.
	Burst int
	// Server is whose copy of the stream Records reads, "" for any. What that copy lacks and the leader has is read from the leader,
	// and reported to Lacking.
	Server  string
	Lacking func(sequence uint64)

	api *jsapi.Client
}

const (
	defaultBurst = 1000    // messages that are requested at once
	maxBurst     = 4 << 20 // bytes of them: the server closes a connection behind which 16 MiB wait
)

// Open returns the history on a NATS system. It returns eventstore.ErrNoHistory where there is none, or the last error when
// the stream has no leader before ctx ends.
func Open(ctx context.Context, nc *nats.Conn) (*History, error) {
	h := &History{api: jsapi.New(nc), Burst: defaultBurst, Removals: new(eventstore.Removals)}
	if err := h.retry(ctx, h.readBounds); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return h, nil
}

func (h *History) retry(ctx context.Context, call func(context.Context) error) error {
	return jsapi.Retry(ctx, slog.New(slog.DiscardHandler), call)
}

// Extend moves the range on to what was stored behind Last since.
func (h *History) Extend(ctx context.Context) error {
	next := h.Last + 1
	err := h.retry(ctx, h.readBounds)
	h.First, h.Last = next, max(h.Last, next-1) // the server that responds may be behind
	if err != nil {
		return fmt.Errorf("extend history: %w", err)
	}
	return nil
}

func (h *History) readBounds(ctx context.Context) error {
	info, err := h.api.StreamInfo(ctx, eventstore.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w (%w)", eventstore.ErrNoHistory, err)
	}
	if slices.Contains(info.Config.Subjects, eventstore.RestoreSubject) {
		return jsapi.Permanent(eventstore.ErrUnfinishedRestore)
	}
	if err != nil {
		return err
	}
	h.First, h.Last = max(info.State.First, 1), info.State.Last
	if info.State.Messages == 0 {
		h.First = h.Last + 1
	}
	h.Servers = info.Cluster.Present()
	err = h.Removals.Read(ctx, h.api)
	if h.Removals.Before(h.First) { // what else is missing there is found when it is read
		h.First = 1
	}
	return err
}

// Outlast waits for as long as a leader that was replaced before the call may still respond.
func (h *History) Outlast(ctx context.Context) error {
	if len(h.Servers) < 2 {
		return nil
	}
	select {
	case <-time.After(eventstore.StaleLeader):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
