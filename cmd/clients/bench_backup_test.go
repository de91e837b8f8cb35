package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// BenchmarkBackup backs up and restores events, and a key for each of them: into a data directory, and to one server and
// to three that sync each message. CLIENTS_BENCH_EVENTS says how many there are.
func BenchmarkBackup(b *testing.B) {
	events := 2_000
	if n, err := strconv.Atoi(os.Getenv("CLIENTS_BENCH_EVENTS")); err == nil {
		events = n
	}
	from := natstest.Run(b, 1, func(o *server.Options) { o.SyncAlways = false })
	s := benchServiceWith(b, config.Config{NATS: natsconn.Settings{URL: from.URL()}, StreamReplicas: 1, EventualReads: true})
	putEvents(b, s, events)
	putKeys(b, s, events)
	s.snapshotter.Save(b.Context())
	spent := map[string]time.Duration{}
	timed := func(what string, args ...string) {
		begun := time.Now()
		require.Zero(b, run(b.Context(), args, os.Stderr, os.Stderr))
		spent[what] += time.Since(begun)
	}
	for b.Loop() {
		folder, dir := filepath.Join(b.TempDir(), "backup"), filepath.Join(b.TempDir(), "data")
		timed("backup", "backup", folder, "--nats-url", s.adminURL())
		timed("directory", "restore", folder, "--data-dir", dir)
		timed("server", "restore", folder, "--stream-replicas", "1", "--nats-url", natstest.Run(b, 1).URL())
		timed("servers", "restore", folder, "--nats-url", natstest.Run(b, 3).URL())
	}
	b.ReportMetric(float64(events), "events")
	for what, d := range spent {
		b.ReportMetric(d.Seconds()/float64(b.N), "s/"+what)
	}
	b.ReportMetric(0, "ns/op")
}

const runOfEvents = 200

// putEvents makes n clients, many at once.
func putEvents(b *testing.B, s *service, n int) {
	b.Helper()
	var run []eventstore.Entry
	for id := int64(1); id <= int64(n); id++ {
		run = append(run, eventstore.Entry{LastSequence: new(uint64), Event: &domain.Envelope{
			EventID: uuid.NewString(), Account: domain.DefaultAccount, Version: 1, Time: time.Now(),
			Event: domain.ClientCreated{ID: id, Name: "SuprCorp", Currency: "United States Dollars - USD", CurrencySymbol: "$", Active: true, Details: "123 Main St. New York, NY 10011"},
		}})
		if len(run) == runOfEvents || id == int64(n) {
			_, err := s.store.AppendBatch(b.Context(), run)
			require.NoError(b, err)
			run = nil
		}
	}
	require.NoError(b, s.directory.Refresh(b.Context()))
}

// putKeys stores what stands under n keys.
func putKeys(b *testing.B, s *service, n int) {
	b.Helper()
	js, err := jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(500))
	require.NoError(b, err)
	for i := range n {
		value := fmt.Sprintf(`{"fingerprint":"%064d","client_id":%d,"event_id":"%s","after":%d,"answer":{"version":1,"checksum":"%016x"}}`, i, i, uuid.NewString(), i, i)
		_, err := js.PublishAsync(fmt.Sprintf("$KV.CLIENTS_KEYS.default.%064x", i), []byte(value), jetstream.WithStallWait(time.Minute))
		require.NoError(b, err)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-b.Context().Done():
	}
}
