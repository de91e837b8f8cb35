package idempotency

import (
	"context"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Names and lifetime of the records.
const (
	Bucket   = "CLIENTS_KEYS"        // the KV bucket
	Stream   = "KV_" + Bucket        // the stream behind it
	subjects = "$KV." + Bucket + "." // followed by the key
	life     = 24 * time.Hour        // of a record since its last change
)

// ensure creates the stream, which is that of a KV bucket, or checks that the existing one has the settings that the guarantees
// depend on.
func (s *Store) ensure(ctx context.Context) error {
	return jsapi.Retry(ctx, s.config.Log, func(ctx context.Context) error {
		_, err := s.api.EnsureStream(ctx, jetstream.StreamConfig{
			Name:              Stream,
			Description:       "Idempotency keys of the last 24 hours",
			Subjects:          []string{subjects + ">"},
			Storage:           jetstream.FileStorage,
			Replicas:          s.config.Replicas,
			Discard:           jetstream.DiscardNew,
			MaxAge:            life,
			MaxMsgsPerSubject: 1,
			DenyDelete:        true,
			AllowRollup:       true,
			AllowDirect:       true,
		})
		return err
	})
}
