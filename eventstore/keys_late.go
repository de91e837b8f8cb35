package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LateKey is what came to stand under an idempotency key while a backup was being made.
type LateKey struct {
	Name  string `json:"name"` // in the bucket
	Value []byte `json:"value"`
}

// How many late keys are read at once, and the pause before a server is asked again that is behind.
const (
	lateKeysAtOnce = 1000
	lateKeysPause  = 10 * time.Millisecond
)

// LateKeys hands out what was stored under keys behind a sequence of their bucket, in order. It ends where there is no
// more at the moment, and not before all that was stored before the call. So what stands under a key by the end either
// was stored up to that sequence or is handed out: a value that has another one take its place while this reads comes as
// that one.
func LateKeys(ctx context.Context, nc *nats.Conn, after uint64, take func(LateKey) error) error {
	s, err := newStore(nc, Config{})
	if err != nil {
		return err
	}
	info, err := s.api.StreamInfo(ctx, keysStream)
	if err != nil {
		return err
	}
	consumer, err := s.js.CreateConsumer(ctx, keysStream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: time.Minute, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return err
	}
	delivered, reached := uint64(0), after
	for {
		count := 0
		batch, err := consumer.FetchNoWait(lateKeysAtOnce)
		if err != nil {
			return err
		}
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			count++
			if delivered++; meta.Sequence.Consumer != delivered {
				return errors.New("some keys did not arrive")
			}
			reached = meta.Sequence.Stream
			if m.Headers().Get(jetstream.MarkerReasonHeader) != "" || m.Headers().Get(keyOperation) != "" {
				continue // it became free
			}
			if err := take(LateKey{strings.TrimPrefix(m.Subject(), keySubjects), m.Data()}); err != nil {
				return err
			}
		}
		err = batch.Error()
		switch {
		case err != nil && !errors.Is(err, nats.ErrNoResponders): // in a cluster a consumer is there a moment after it was made
			return err
		case err == nil && count < lateKeysAtOnce && reached >= info.State.Last:
			return nil
		case count > 0:
			continue
		}
		if more, err := s.moreKeys(ctx, reached); err != nil || !more {
			return err
		}
		select {
		case <-time.After(lateKeysPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// moreKeys asks the leader whether there is anything in the bucket behind a sequence: what was its last message may be gone.
// One that has lost its majority is not believed when it says that there is nothing.
func (s *Store) moreKeys(ctx context.Context, behind uint64) (bool, error) {
	_, err := s.api.Message(ctx, keysStream, jsapi.Query{Sequence: behind + 1, NextBySubject: keySubjects + ">"})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		_, err = s.api.StreamInfo(ctx, keysStream)
		return false, err
	}
	return err == nil, err
}

// PutLateKeys stores again those late keys whose event is in the stream, so that a repeat of their request gets its
// answer. The others stay as they are, or free: what they led to is not there, and a repeat is decided anew.
func PutLateKeys(ctx context.Context, nc *nats.Conn, late iter.Seq2[LateKey, error]) (put, left int, err error) {
	s, err := newStore(nc, Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, 0, err
	}
	var last uint64
	err = jsapi.Retry(ctx, s.config.Log, func(ctx context.Context) (err error) {
		info, err := s.api.StreamInfo(ctx, Stream)
		last = info.State.Last
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	for key, err := range late {
		stored := false
		if err == nil {
			stored, err = s.led(ctx, key, last)
		}
		if err == nil && stored {
			err = s.putKey(ctx, key)
		}
		if err != nil {
			return put, left, fmt.Errorf("key %s: %w", key.Name, err)
		}
		if stored {
			put++
		} else {
			left++
		}
	}
	return put, left, nil
}

// led tells whether the request that has reserved a key has led to an event of the stream, which ends at last.
func (s *Store) led(ctx context.Context, key LateKey, last uint64) (bool, error) {
	reserved, err := unmarshalReservation(key.Value)
	if err != nil || reserved.After >= last {
		return false, nil
	}
	account, _, _ := strings.Cut(key.Name, ".")
	_, found, err := s.Find(ctx, domain.Lookup{Account: account, ClientID: reserved.ClientID, EventID: reserved.EventID, After: reserved.After})
	return found, err
}

// putKey stores a key over whatever stands under it.
func (s *Store) putKey(ctx context.Context, key LateKey) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: keySubjects + key.Name, Data: key.Value, Header: nats.Header{jetstream.MsgIDHeader: {uuid.NewString()}}}
	if _, verdict, err := s.api.Publish(ctx, msg, jsapi.Attempts{Timeout: keyAttempt}); verdict != jsapi.Stored && verdict != jsapi.Duplicate {
		return err
	}
	return nil
}
