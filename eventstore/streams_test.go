package eventstore_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The configuration of the stream is part of what others rely on.
func TestTheStreamKeepsEverything(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	stream, err := s.JetStream().Stream(deadline(t), "CLIENTS")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	require.Equal(t, []string{"clients.>", "client-references.>"}, config.Subjects)
	require.Equal(t, jetstream.FileStorage, config.Storage)
	require.False(t, config.DenyDelete)
	require.False(t, config.DenyPurge)
	require.True(t, config.AllowDirect)
	require.True(t, config.AllowAtomicPublish)
	require.Equal(t, jetstream.DiscardNew, config.Discard)
	require.Zero(t, config.MaxAge)
	require.Equal(t, int64(-1), config.MaxMsgs)
	require.Equal(t, int64(-1), config.MaxBytes)
}

func TestOpenLeavesAStreamThatIsConfiguredDifferentlyAsItIs(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	foreign := jetstream.StreamConfig{Name: eventstore.Stream, Subjects: []string{"clients.>"}, MaxMsgs: 10}
	_, err = js.CreateStream(deadline(t), foreign)
	require.NoError(t, err)
	_, err = eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	var difference *eventstore.ConfigError
	require.ErrorAs(t, err, &difference)
	require.Equal(t, eventstore.Stream, difference.Stream)
	require.Contains(t, difference.Differences, "subjects: have [clients.>], need [clients.> client-references.>]")
	require.Contains(t, difference.Differences, "max_msgs: have 10, need 0")
	stream, err := js.Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	require.Equal(t, int64(10), stream.CachedInfo().Config.MaxMsgs)
}

// A setting by which messages could be removed, or not be read, is refused.
func TestOpenInsistsOnEachSettingThatAGuaranteeNeeds(t *testing.T) {
	t.Parallel()
	for setting, change := range map[string]func(*jetstream.StreamConfig){
		"allow_rollup_hdrs": func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"allow_msg_ttl":     func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"max_consumers":     func(c *jetstream.StreamConfig) { c.MaxConsumers = 1 },
		"consumer_limits":   func(c *jetstream.StreamConfig) { c.ConsumerLimits.InactiveThreshold = time.Second },
		"max_age":           func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs":          func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 },
		"storage":           func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"duplicate_window":  func(c *jetstream.StreamConfig) { c.Duplicates = time.Second },
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, 1).Connect(t, 0)
			js, err := jetstream.New(nc)
			require.NoError(t, err)
			config := eventstore.EventStream(1)
			change(&config)
			_, err = js.CreateStream(deadline(t), config)
			require.NoError(t, err)
			_, err = eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, err, setting)
		})
	}
}

func TestMoreReplicasThanThereAreServersIsAWrongSetting(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	_, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 3, Log: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, eventstore.ErrNoCluster)
	require.ErrorContains(t, err, "3 replicas requested")
}

func TestReplicasThatOpenAtOnceCreateTheStreamsOnce(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	var group sync.WaitGroup
	for i := range 6 {
		nc := cluster.Connect(t, i%3)
		group.Go(func() {
			s, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 3, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	group.Wait()
}

func TestOpenAcceptsWhatItHasCreated(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	openStore(t, s.Conn(), 1)
}
