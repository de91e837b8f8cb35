package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// ensureKeys creates the bucket of keys, or insists that the one that exists is what the service needs.
func (s *Store) ensureKeys(ctx context.Context) error {
	_, err := s.js.KeyValue(ctx, KeysBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:      KeysBucket,
			Description: "Idempotency keys of the last 24 hours",
			TTL:         keyLife,
			Storage:     jetstream.FileStorage,
			Replicas:    s.config.Replicas,
		})
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", KeysBucket, err)
	}
	return s.ensureStream(ctx, s.keyStream())
}

// keysLost is told that somebody has deleted the stream of keys, and makes it again.
//
// Not at once: a request that was under way when its reservation went may yet be carried out. Were its key free by then,
// a repeat could be carried out as well. As long as there is no stream no key can be reserved, so that keyed requests
// answer 503, and by the time that there is one again every request from before has ended.
//
// What is lost is what the keys had answered: a repeat of a request from before is a new request. Also of one whose
// outcome was unknown, and of one that runs into a replica that is started just then, which makes the stream at once.
func (s *Store) keysLost() {
	if !s.makingKeys.CompareAndSwap(false, true) {
		return
	}
	s.config.Log.Error("the stream of idempotency keys is gone: it is made again as soon as what is under way has ended",
		"stream", keysStream, "after", s.config.LongestCommand)
	go func() {
		defer s.makingKeys.Store(false)
		select {
		case <-time.After(s.config.LongestCommand):
		case <-s.open.Done():
			return
		}
		err := jsapi.Retry(s.open, s.config.Log, func(ctx context.Context) error {
			_, err := jsapi.WithContext(ctx, func() (struct{}, error) { return struct{}{}, s.ensureKeys(ctx) })
			return err
		})
		if err != nil && s.open.Err() == nil {
			s.config.Log.Error("the stream of idempotency keys cannot be made again", "stream", keysStream, "error", err)
		}
	}()
}
