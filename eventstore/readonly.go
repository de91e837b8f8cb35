package eventstore

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// readOnly is whether NATS accepts writes. While it does not, commands are refused at once, except for one per probeEvery
// that finds out whether it does again. A probe does so as well, so that the state also ends without callers.
type readOnly struct {
	api *jsapi.Client // without Published: a probe is no write

	mu      sync.Mutex
	imposed string    // reason given by Store.SetReadOnly
	refused string    // reason given by NATS
	probed  bool      // whether a probe finds out if that reason has passed; false without one
	size    int       // of the largest message that was refused for lack of room: the reason lasts until one as large is accepted
	tried   time.Time // when a command was last let through, or refused by NATS

	unacked int // writes in a row that were not acknowledged
	first   time.Time
	last    time.Time // of these
}

const (
	probeEvery  = time.Second
	probeMargin = 1 << 10 // more than the headers of an event

	// So many writes in a row without an acknowledgement, for so long, are a refusal if the stream has a leader. Without
	// another write that is forgotten after a while.
	maxUnacked    = 3
	unackedFor    = 2 * time.Second
	unackedForget = time.Minute
)

// SetReadOnly refuses commands for a reason of the caller's own, until it is "".
func (s *Store) SetReadOnly(reason string) {
	s.readOnly.mu.Lock()
	defer s.readOnly.mu.Unlock()
	s.readOnly.imposed = reason
}

// ReadOnly returns why the store accepts no writes, "" while it does.
func (s *Store) ReadOnly() string { return s.readOnly.reason() }

func (r *readOnly) reason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.imposed, r.refused)
}

// Writable returns nil if the store accepts writes, or if this command is to find out whether it does again. Otherwise it
// returns a domain.Unavailable.
func (s *Store) Writable() error {
	r := s.readOnly
	r.mu.Lock()
	defer r.mu.Unlock()
	reason := cmp.Or(r.imposed, r.refused)
	if reason == "" {
		return nil
	}
	if now := time.Now(); r.imposed == "" && now.Sub(r.tried) >= probeEvery {
		r.tried = now
		return nil
	}
	return &domain.Error{Kind: domain.Unavailable, Message: "The event store accepts no changes at the moment. Please try again later.", Cause: errors.New("read-only: " + reason)}
}

// note takes note of a write to one of the streams that was refused for lack of room.
func (r *readOnly) note(size int, err error) {
	reason := jsapi.LacksRoom(err)
	if reason == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused, r.probed, r.tried, r.unacked, r.size = reason, true, time.Now(), 0, max(r.size, size)
}

// unacknowledged takes note of an event that was not acknowledged.
func (r *readOnly) unacknowledged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if r.unacked++; r.unacked == 1 {
		r.first = r.last
	}
}

// accepted takes note of an event that was acknowledged, or could be stored.
func (r *readOnly) accepted(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unacked = 0
	if size >= r.size {
		r.refused, r.probed, r.size = "", false, 0
	}
}

// watch finds out, until ctx ends, whether NATS accepts writes while no caller does, and logs when that changes.
func (r *readOnly) watch(ctx context.Context, log *slog.Logger) {
	before := ""
	for jsapi.Sleep(ctx, probeEvery); ctx.Err() == nil; jsapi.Sleep(ctx, probeEvery) {
		r.check(ctx)
		if reason := r.reason(); (reason == "") != (before == "") {
			log.Warn("read-only changed", "reason", reason, "before", before)
			before = reason
		}
	}
}

func (r *readOnly) check(ctx context.Context) {
	r.mu.Lock()
	suspected := r.refused == "" && r.unacked >= maxUnacked && r.last.Sub(r.first) >= unackedFor
	probing, size := r.probed, r.size
	if !r.probed && time.Since(r.last) > unackedForget {
		r.refused, r.unacked = "", 0
	}
	r.mu.Unlock()
	switch {
	case suspected:
		if _, err := r.api.StreamInfo(ctx, Stream); err == nil {
			r.mu.Lock()
			r.refused, r.probed = "NATS does not acknowledge writes", false
			r.mu.Unlock()
		}
	case probing:
		if jsapi.Classify(r.probe(ctx, size)) == jsapi.Conflict {
			r.accepted(size)
		}
	}
}

// probe has the stream refuse a batch: its first message is like any other of that size, and the condition of its last one
// never holds. The error is a conflict if only that stands in the way, and otherwise what does. Nothing is stored.
func (r *readOnly) probe(ctx context.Context, size int) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	messages := make([]*nats.Msg, 2)
	for i := range messages {
		messages[i] = &nats.Msg{Subject: subjectOf("_", int64(i+1)), Header: nats.Header{jetstream.ExpectedStreamHeader: {Stream}}}
	}
	messages[0].Data = make([]byte, size+probeMargin)
	messages[1].Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.Itoa(math.MaxInt64)}
	_, err := r.api.PublishBatch(ctx, uuid.NewString(), messages)
	return err
}
