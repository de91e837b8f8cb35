package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/snapshot"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// BenchmarkStart makes a directory from the whole stream, against an ordered consumer that reads the same stream and
// looks at nothing, and from a snapshot. CLIENTS_BENCH_CLIENTS says how many clients there are; each has five events.
func BenchmarkStart(b *testing.B) {
	clients := 10_000
	if n, err := strconv.Atoi(os.Getenv("CLIENTS_BENCH_CLIENTS")); err == nil {
		clients = n
	}
	s := benchService(b, true)
	seed(b, s, clients)
	for version := range uint64(4) {
		toggleAll(b, s, clients, version+2)
	}
	require.NoError(b, s.directory.Refresh(b.Context()))
	s.snapshotter.Save(b.Context())
	last := s.directory.Sequence()
	var replay, bare, restored time.Duration
	for b.Loop() {
		bare += bareRead(b, s, last)
		replay += fromNothing(b, s)
		restored += fromSnapshot(b, s)
	}
	b.ReportMetric(float64(last), "events")
	b.ReportMetric(replay.Seconds()/float64(b.N), "s/replay")
	b.ReportMetric(bare.Seconds()/float64(b.N), "s/bare")
	b.ReportMetric(restored.Seconds()/float64(b.N), "s/snapshot")
	b.ReportMetric(replay.Seconds()/bare.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func toggleAll(b *testing.B, s *service, clients int, version uint64) {
	const writers = 450 // they share atomic batches
	require.NoError(b, s.directory.Refresh(b.Context()))
	var next atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for id := next.Add(1); id <= int64(clients); id = next.Add(1) {
				state := s.directory.State(domain.DefaultAccount, id)
				appendEvent(b, s, version, state.LastSequence, domain.ClientToggled{ID: id, Active: version%2 == 1})
			}
		})
	}
	group.Wait()
}

// fromNothing and fromSnapshot take what a start does between the open store and the first request.
func fromNothing(b *testing.B, s *service) time.Duration {
	begun := time.Now()
	follow(b, s, readmodel.NewDirectory(s.store, s.log))
	return time.Since(begun)
}

func fromSnapshot(b *testing.B, s *service) time.Duration {
	begun := time.Now()
	d := readmodel.NewDirectory(s.store, s.log)
	restored, err := snapshot.Restore(b.Context(), d, s.store, s.log)
	require.NoError(b, err)
	require.Equal(b, s.directory.Sequence(), restored.Sequence)
	follow(b, s, d)
	return time.Since(begun)
}

func follow(b *testing.B, s *service, d *readmodel.Directory) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _ = d.Follow(ctx) }()
	require.NoError(b, d.Await(ctx, s.directory.Sequence()))
	require.Equal(b, s.directory.Stats().Clients, d.Stats().Clients)
}

func bareRead(b *testing.B, s *service, last uint64) time.Duration {
	nc, err := s.embedded.Connect()
	require.NoError(b, err)
	defer nc.Close()
	return readAll(b, nc, last)
}

func readAll(b *testing.B, nc *nats.Conn, last uint64) time.Duration {
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	begun := time.Now()
	consumer, err := js.OrderedConsumer(b.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{})
	require.NoError(b, err)
	done := make(chan struct{})
	consumption, err := consumer.Consume(func(msg jetstream.Msg) {
		if meta, err := msg.Metadata(); err == nil && meta.Sequence.Stream == last {
			close(done)
		}
	}, jetstream.PullMaxMessages(1024))
	require.NoError(b, err)
	defer consumption.Stop()
	<-done
	return time.Since(begun)
}
