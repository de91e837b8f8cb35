package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"clients/domain"

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
	question := map[string]any{"last_by_subj": subject}
	for {
		var answer storedMessage
		attempt, cancel := context.WithTimeout(ctx, keyAttempt)
		err := ask(attempt, s.nc, "STREAM.MSG.GET."+keysStream, question, &answer)
		cancel()
		switch {
		case err == nil:
			return keyOf(answer)
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return storedKey{}, nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			s.keysLost()
			return storedKey{}, err
		case classify(err) == refused:
			return storedKey{}, err
		}
		if pause(ctx); ended(ctx) {
			return storedKey{}, err
		}
	}
}

func keyOf(m storedMessage) (storedKey, error) {
	key := storedKey{revision: m.Message.Sequence, at: m.Message.Time, value: m.Message.Data}
	if len(m.Message.Header) > 0 {
		header, err := nats.DecodeHeadersMsg(m.Message.Header)
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
	ack, verdict, err := s.send(ctx, msg, keyAttempt, false, nil)
	switch verdict {
	case accepted:
		return ack.Sequence, nil
	case outrun:
		return 0, domain.ErrConflict
	case repeated: // by the id: a value is stored once more in the same bytes when it is taken over
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
