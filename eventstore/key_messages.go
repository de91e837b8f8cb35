package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The stream of keys is a KV bucket: whoever knows buckets can read it. It is read and written here as the stream that it
// is. A bucket's own way to read asks whichever server answers, also one that is behind, or frozen.
const (
	keysStream  = "KV_" + KeysBucket
	keySubjects = "$KV." + KeysBucket + "."
)

// deletion is what a bucket keeps of a key that was deleted: a message with a header that says so.
const (
	keyOperation = "KV-Operation"
	deletion     = "DEL"
)

// keyAttempt is how long an answer about a key is waited for before the same is asked again: who leads the stream may
// have gone with the answer.
const keyAttempt = 500 * time.Millisecond

// storedKey is the last message about a key.
type storedKey struct {
	revision uint64 // 0 where there is none
	at       time.Time
	id       string // of the message
	value    []byte // nil where there is none, or it was deleted
}

// readKey asks the stream's leader for the last message about a key, until it answers or ctx ends.
func (s *Store) readKey(ctx context.Context, subject string) (storedKey, error) {
	for {
		attempt, cancel := context.WithTimeout(ctx, keyAttempt)
		answer, err := s.api.Message(attempt, keysStream, jsapi.Query{LastBySubject: subject})
		cancel()
		switch {
		case err == nil:
			return keyOf(answer)
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return storedKey{}, nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			s.keysLost()
			return storedKey{}, err
		case jsapi.Classify(err) == jsapi.Refused:
			return storedKey{}, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return storedKey{}, err
		}
	}
}

func keyOf(m jsapi.Message) (storedKey, error) {
	key := storedKey{revision: m.Sequence, at: m.Time, value: m.Data}
	if len(m.RawHeader) > 0 {
		header, err := nats.DecodeHeadersMsg(m.RawHeader)
		if err != nil {
			return key, err
		}
		key.id = header.Get(jetstream.MsgIDHeader)
		if header.Get(keyOperation) != "" { // it was deleted or purged
			return storedKey{revision: key.revision, id: key.id}, nil
		}
	}
	if key.value == nil {
		key.value = []byte{}
	}
	return key, nil
}

// storeKey stores a value under a key, or that it is deleted where value is nil, provided that the last message about it
// is still the one at revision (0: there is none). It answers domain.ErrConflict when there is a newer one; else, when it
// fails, a domain.Unavailable, and the value may have been stored or not. It goes on until ctx ends, and no longer.
func (s *Store) storeKey(ctx context.Context, subject string, value []byte, revision uint64) (uint64, error) {
	id := uuid.NewString()
	msg := &nats.Msg{Subject: subject, Data: value, Header: nats.Header{
		jetstream.MsgIDHeader:               {id},
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(revision, 10)},
	}}
	if value == nil {
		msg.Header[keyOperation] = []string{deletion}
	}
	ack, verdict, err := s.api.Publish(ctx, msg, jsapi.Attempts{Timeout: keyAttempt})
	switch verdict {
	case jsapi.Stored:
		return ack.Sequence, nil
	case jsapi.Conflict:
		return 0, domain.ErrConflict
	case jsapi.Duplicate: // by the id: a value is stored once more in the same bytes when it is taken over
		last, err := s.readKey(ctx, subject)
		if err != nil {
			return 0, domain.NoStore(err)
		}
		if last.id != id {
			return 0, domain.ErrConflict
		}
		return last.revision, nil
	default:
		return 0, domain.NoStore(err)
	}
}

// How many reservations are under way at once. One server stores them one after the other, so that on a slow disk more
// would all be late.
const (
	reservationsAtOnce           = 8
	reservationsAtOnceReplicated = 64
)

// reserveTurn waits until a reservation may be sent, and fails where no event could be stored under it before ctx ends.
func (s *Store) reserveTurn(ctx context.Context) (done func(), err error) {
	select {
	case s.reserving <- struct{}{}:
	case <-ctx.Done():
		return nil, domain.NoStore(ctx.Err())
	}
	done = func() { <-s.reserving }
	deadline, limited := ctx.Deadline()
	before := time.Duration(min(len(s.reserving), reservationsAtOnce))
	if single := s.writer.single.get(); limited && time.Until(deadline) < before*single+2*min(single, s.writer.batch.get()) {
		done()
		return nil, domain.NoStore(errTooSlow)
	}
	return done, nil
}

// keySubject makes one token of whatever a caller uses as a key.
func keySubject(account, key string) string {
	sum := sha256.Sum256([]byte(key))
	return keySubjects + account + "." + hex.EncodeToString(sum[:])
}
