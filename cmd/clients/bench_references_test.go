package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// BenchmarkDelete deletes clients, which asks what other services hold of them, against changing their names.
func BenchmarkDelete(b *testing.B) {
	const clients = 30_000
	s := benchService(b, true)
	seed(b, s, clients)
	var deleted, changed atomic.Int64
	remove := requests(b, s.apiAddr(), http.StatusOK, func() string {
		return rawRequest("DELETE", path(clients-deleted.Add(1)), "")
	})
	change := requests(b, s.apiAddr(), http.StatusOK, func() string {
		n := changed.Add(1)
		return rawRequest("PUT", path(1+n%1000), fmt.Sprintf("<client><name>Changed %d</name></client>", n))
	})
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { compare(b, callers, 1000, remove, change) })
	}
}

// BenchmarkReferences takes in a backlog of project events until reads and rules show them, against a bare consumer
// that publishes the same messages to another stream and acknowledges each. Both streams are synced to disk.
func BenchmarkReferences(b *testing.B) {
	const events, clients = 20_000, 1000
	s := benchService(b, true)
	seed(b, s, clients)
	nc, err := nats.Connect(s.adminURL())
	require.NoError(b, err)
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	s.ingest.Stop()
	var ours, bare time.Duration
	rounds := 0
	for b.Loop() {
		rounds++
		backlog(b, js, events, clients)
		ours += takeInBacklog(b, s, events)
		bare += republish(b, js, events)
	}
	perSecond := func(took time.Duration) float64 { return float64(rounds*events) / took.Seconds() }
	b.ReportMetric(perSecond(ours), "events/s")
	b.ReportMetric(perSecond(bare), "bare-events/s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
	s.restartIngest(b) // for the service to stop
}

// restartIngest starts to read the streams of other services, as if the service had just started.
func (s *service) restartIngest(b *testing.B) {
	b.Helper()
	letters, err := deadletter.New(s.nc)
	require.NoError(b, err)
	s.ingest, err = ingest.New(ingest.Config{
		Store: s.store, Upstream: s.upstream, DeadLetters: letters, Directory: s.directory, Streams: 1, Replica: uuid.NewString(),
		NewEventID: newEventID, Now: time.Now, Registry: prometheus.NewRegistry(), Log: s.log,
	})
	require.NoError(b, err)
	require.NoError(b, s.ingest.Start(b.Context()))
}

func takeInBacklog(b *testing.B, s *service, events int) time.Duration {
	state, err := s.upstream.State(b.Context(), upstream.Projects)
	require.NoError(b, err)
	require.Equal(b, uint64(events), state.Last)
	begun := time.Now()
	s.restartIngest(b)
	require.NoError(b, s.directory.AwaitReached(b.Context(), domain.Position{Stream: "PROJECTS", Created: state.Created, Sequence: state.Last}))
	took := time.Since(begun)
	s.ingest.Stop()
	require.Positive(b, s.directory.State(domain.DefaultAccount, 1).References.ActiveProjects)
	return took
}

// backlog makes the stream of projects anew, with so many events about clients in it.
func backlog(b *testing.B, js jetstream.JetStream, events, clients int) {
	b.Helper()
	ctx := context.Background()
	require.NoError(b, js.DeleteStream(ctx, "PROJECTS"))
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "PROJECTS", Subjects: []string{"projects.>"}, AllowDirect: true, AllowAtomicPublish: true})
	require.NoError(b, err)
	const batch = 500
	for first := 0; first < events; first += batch {
		var messages []*nats.Msg
		for n := range batch {
			id := int64(first + n + 1)
			messages = append(messages, project("Created", id, fmt.Sprintf(`"client_id":%d,"active":true`, id%int64(clients)+1)).message())
		}
		_, err := jetstreamext.PublishMsgBatch(ctx, js, messages)
		require.NoError(b, err)
	}
}

// republish is the baseline: as many messages under way as the service has.
func republish(b *testing.B, js jetstream.JetStream, events int) time.Duration {
	b.Helper()
	const underWay = 1024
	ctx := context.Background()
	_ = js.DeleteStream(ctx, "BARE")
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "BARE", Subjects: []string{"bare.>"}, DenyDelete: true, AllowDirect: true, AllowAtomicPublish: true, Discard: jetstream.DiscardNew,
	})
	require.NoError(b, err)
	begun := time.Now()
	consumer, err := js.CreateConsumer(ctx, "PROJECTS", jetstream.ConsumerConfig{
		Durable: "bare", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: underWay, FilterSubject: "projects.>",
	})
	require.NoError(b, err)
	room, acked := make(chan struct{}, underWay), make(chan struct{})
	var done atomic.Int64
	consumption, err := consumer.Consume(func(msg jetstream.Msg) {
		room <- struct{}{}
		header := nats.Header{}
		for name, values := range msg.Headers() {
			if !strings.HasPrefix(name, "Nats-Batch") { // they would make it part of one again
				header[name] = values
			}
		}
		future, err := js.PublishMsgAsync(&nats.Msg{Subject: "bare" + strings.TrimPrefix(msg.Subject(), "projects"), Header: header, Data: msg.Data()})
		if err != nil {
			b.Error(err)
			return
		}
		go func() {
			select {
			case <-future.Ok():
				_ = msg.Ack()
			case err := <-future.Err():
				b.Error(err)
			}
			<-room
			if done.Add(1) == int64(events) {
				close(acked)
			}
		}()
	}, jetstream.PullMaxMessages(underWay))
	require.NoError(b, err)
	defer consumption.Stop()
	<-acked
	return time.Since(begun)
}
