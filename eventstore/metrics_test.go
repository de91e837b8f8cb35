package eventstore_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// What is stored counts on each server that holds it, and so does the limit.
func TestStorageOfAnAccount(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]map[string]server.JetStreamAccountLimits{
		"none":   {"": limit(-1)},
		"of all": {"": limit(3 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := natstest.Run(t, 3)
			for _, s := range cluster.Servers {
				require.NoError(t, s.GlobalAccount().UpdateJetStreamLimits(limits))
			}
			nc, err := nats.Connect(cluster.URL())
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			store := eventstore.Attach(nc)
			require.NoError(t, jsapi.Retry(t.Context(), slog.New(slog.DiscardHandler), func(ctx context.Context) error {
				_, err := store.JetStream().CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
				return err
			}))
			_, err = store.JetStream().Publish(t.Context(), "s", make([]byte, 100_000))
			require.NoError(t, err)
			var storage eventstore.Storage
			require.Eventually(t, func() bool {
				storage, err = store.Storage(t.Context())
				return err == nil && storage.Used > 300_000
			}, 20*time.Second, 20*time.Millisecond, "%+v %v", &storage, &err)
			want := uint64(3 << 20)
			if name == "none" {
				want = 0
			}
			require.Equal(t, want, storage.Limit)
		})
	}
}

func limit(bytes int64) server.JetStreamAccountLimits {
	return server.JetStreamAccountLimits{
		MaxMemory: -1, MaxStore: bytes, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}
}
