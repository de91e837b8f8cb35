package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A deleted key is a message with this header.
const (
	operationHeader = "KV-Operation"
	deletion        = "DEL"
)

// attemptTimeout is how long an acknowledgement is waited for before the message is sent again. The leader may have
// changed meanwhile.
const attemptTimeout = 500 * time.Millisecond

// entry is the last message about a key.
type entry struct {
	revision uint64 // 0 if there is none
	at       time.Time
	id       string // of the message
	value    []byte // nil if there is none, or the key was deleted
}

// get returns the last message about a key, from the stream's leader. It tries until the leader responds or ctx ends.
func (s *Store) get(ctx context.Context, subject string) (entry, error) {
	for {
		m, err := s.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
		switch {
		case err == nil:
			header := m.Header()
			e := entry{revision: m.Sequence, at: m.Time, id: header.Get(jetstream.MsgIDHeader)}
			if !isDeletion(header) {
				e.value = append([]byte{}, m.Data...)
			}
			return e, nil
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return entry{}, nil
		case errors.Is(err, jetstream.ErrStreamNotFound), jsapi.Classify(err) == jsapi.Refused:
			return entry{}, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return entry{}, err
		}
	}
}

// isDeletion reports whether a message says that its key was deleted, purged or has expired.
func isDeletion(header nats.Header) bool {
	return header.Get(operationHeader) != "" || header.Get(jetstream.MarkerReasonHeader) != ""
}

// put stores a value under a key, or its deletion if value is nil, provided that the revision of the key is still the given
// one (0: there is none). It returns the new revision and tries until ctx ends.
//
// Errors: domain.ErrConflict if there is a newer message; otherwise a domain.Unavailable, and the value may be stored.
func (s *Store) put(ctx context.Context, subject string, value []byte, revision uint64) (uint64, error) {
	id := uuid.NewString()
	msg := &nats.Msg{Subject: subject, Data: value, Header: nats.Header{
		jetstream.MsgIDHeader:               {id},
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(revision, 10)},
	}}
	if value == nil {
		msg.Header.Set(operationHeader, deletion)
	}
	ack, outcome, err := s.api.Publish(ctx, msg, jsapi.Attempts{Timeout: attemptTimeout})
	switch outcome {
	case jsapi.Stored:
		return ack.Sequence, nil
	case jsapi.Conflict:
		return 0, domain.ErrConflict
	case jsapi.Duplicate: // compare ids: a record is stored with the same bytes when it is taken over
		last, err := s.get(ctx, subject)
		if err != nil {
			return 0, noStore(err)
		}
		if last.id != id {
			return 0, domain.ErrConflict
		}
		return last.revision, nil
	default:
		return 0, noStore(err)
	}
}

// noStore returns a domain.Unavailable whose cause names the stream.
func noStore(err error) error { return domain.NoStore(fmt.Errorf("stream %s: %w", Stream, err)) }

// subjectOf returns the subject of an account's key. Any key becomes a single token.
func subjectOf(account, key string) string {
	sum := sha256.Sum256([]byte(key))
	return subjects + account + "." + hex.EncodeToString(sum[:])
}
