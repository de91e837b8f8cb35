package eventstore

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// readOnly is whether NATS accepts writes. While it does not, commands are refused at once, except for one in trialEvery
// that finds out whether it does again; a probe does so as well, so that the state also ends without callers.
type readOnly struct {
	mu         sync.Mutex
	imposed    string // reason given by SetReadOnly
	refused    string // reason given by NATS
	probed     bool   // the reason can be found out by a probe
	trial      time.Time
	unanswered int       // writes in a row that were not acknowledged
	since      time.Time // the first of these
	last       time.Time // the last one
}

const (
	trialEvery = time.Second
	// So many writes in a row without an acknowledgement, for so long, are a refusal where the stream's leader is there.
	// Without any further write that is forgotten after a while.
	maxUnanswered    = 3
	unansweredFor    = 2 * time.Second
	unansweredForget = time.Minute
	probeSize        = 1 << 10 // of an event as most are
)

// SetReadOnly refuses commands for a reason of the caller's own, until it is "".
func (s *Store) SetReadOnly(reason string) {
	s.readOnly.mu.Lock()
	defer s.readOnly.mu.Unlock()
	s.readOnly.imposed = reason
}

// ReadOnly returns why the store accepts no writes, "" while it does.
func (s *Store) ReadOnly() string {
	s.readOnly.mu.Lock()
	defer s.readOnly.mu.Unlock()
	if s.readOnly.imposed != "" {
		return s.readOnly.imposed
	}
	return s.readOnly.refused
}

// Writable returns a domain.Unavailable while the store accepts no writes, and nil else, or for a command that is to find
// out whether it does again.
func (s *Store) Writable() error {
	r := &s.readOnly
	r.mu.Lock()
	defer r.mu.Unlock()
	switch now := time.Now(); {
	case r.imposed != "":
		return notWritable(r.imposed)
	case r.refused == "":
		return nil
	case now.Sub(r.trial) >= trialEvery:
		r.trial = now
		return nil
	default:
		return notWritable(r.refused)
	}
}

func notWritable(reason string) error {
	return &domain.Error{Kind: domain.Unavailable, Message: "Nothing can be changed at the moment.", Cause: errors.New("read-only: " + reason)}
}

// note takes note of a write to one of the streams that was refused for lack of room.
func (r *readOnly) note(err error) {
	if !jsapi.LacksRoom(err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused, r.probed, r.trial, r.unanswered = err.Error(), true, time.Now(), 0
}

// noAnswer takes note of a write to the stream of events that was not acknowledged.
func (r *readOnly) noAnswer() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if r.unanswered++; r.unanswered == 1 {
		r.since = r.last
	}
}

// accepted takes note of a write to the stream of events that was acknowledged.
func (r *readOnly) accepted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused, r.unanswered = "", 0
}

// watchReadOnly finds out whether NATS accepts writes where no caller does.
func (s *Store) watchReadOnly() {
	tick := time.NewTicker(trialEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.checkReadOnly(s.open)
		case <-s.open.Done():
			return
		}
	}
}

func (s *Store) checkReadOnly(ctx context.Context) {
	r := &s.readOnly
	r.mu.Lock()
	suspected := r.refused == "" && r.unanswered >= maxUnanswered && r.last.Sub(r.since) >= unansweredFor
	probing := r.refused != "" && r.probed
	if !r.probed && time.Since(r.last) > unansweredForget {
		r.refused, r.unanswered = "", 0
	}
	r.mu.Unlock()
	switch {
	case suspected:
		if _, err := s.api.StreamInfo(ctx, Stream); err == nil {
			r.mu.Lock()
			r.refused, r.probed = "NATS does not acknowledge writes", false
			r.mu.Unlock()
		}
	case probing:
		if err := s.probe(ctx); jsapi.Classify(err) == jsapi.Conflict {
			r.accepted()
		}
	}
}

// probe has the stream refuse a batch: its first message is like any other, and its last one under a condition that never
// holds. What is returned is a conflict where only that stands in the way, and otherwise what does. Nothing is stored.
func (s *Store) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	messages := make([]*nats.Msg, 2)
	for i := range messages {
		messages[i] = &nats.Msg{Subject: subjectOf("_", int64(i+1)), Header: nats.Header{jetstream.ExpectedStreamHeader: {Stream}}}
	}
	messages[0].Data = make([]byte, probeSize)
	messages[1].Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.Itoa(math.MaxInt64)}
	_, err := s.plain.PublishBatch(ctx, messages, jetstreamext.BatchFlowControl{AckFirst: true, AckTimeout: jsapi.RequestTimeout})
	return err
}
