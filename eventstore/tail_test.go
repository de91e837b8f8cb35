package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestTailDeliversEverythingInOrderAndThenWhatComes(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for id := range int64(5) {
		_, err := s.Append(deadline(t), created(id+1), 0)
		require.NoError(t, err)
	}
	arrived := make(chan eventstore.Record, 100)
	go func() {
		_ = s.Tail(deadline(t), 2, func(run []eventstore.Record) error {
			for _, r := range run {
				arrived <- r
			}
			return nil
		})
	}()
	for sequence := uint64(3); sequence <= 5; sequence++ {
		require.Equal(t, sequence, (<-arrived).Sequence)
	}
	result, err := s.Append(deadline(t), created(6), 0)
	require.NoError(t, err)
	require.Equal(t, result.Sequence, (<-arrived).Sequence)
}

func TestTailEndsWithTheErrorOfApply(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	enough := errors.New("enough")
	require.ErrorIs(t, s.Tail(deadline(t), 0, func([]eventstore.Record) error { return enough }), enough)
}

// What comes before the damage is still delivered.
func TestTailStopsAtDamage(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	spoilt, _, err := eventstore.Encode(created(2))
	require.NoError(t, err)
	spoilt.Data[10] ^= 1
	_, err = s.JetStream().PublishMsg(deadline(t), spoilt)
	require.NoError(t, err)
	var delivered []eventstore.Record
	err = s.Tail(deadline(t), 0, func(run []eventstore.Record) error { delivered = append(delivered, run...); return nil })
	var corrupt *eventstore.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(2), corrupt.Sequence)
	require.Len(t, delivered, 1)
}

func TestTailStopsAtAMissingMessage(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for id := range int64(3) {
		_, err := s.Append(deadline(t), created(id+1), 0)
		require.NoError(t, err)
	}
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(deadline(t), jetstream.WithPurgeSubject("clients.test.2")))
	err = s.Tail(deadline(t), 0, func([]eventstore.Record) error { return nil })
	require.ErrorIs(t, err, eventstore.ErrIncomplete)
}

// Nothing is delivered, although the stream has a last sequence.
func TestTailNoticesThatTheStreamHasLostItsEnd(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(deadline(t)))
	err = s.Tail(deadline(t), 0, func([]eventstore.Record) error { return nil })
	require.ErrorIs(t, err, eventstore.ErrIncomplete)
}

func TestTailDeliversForeignMessages(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.JetStream().Publish(deadline(t), "clients.by.hand", []byte("hello"))
	require.NoError(t, err)
	_, err = s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	records := stored(t, s)
	require.NotEmpty(t, records[0].Foreign)
	require.Empty(t, records[1].Foreign)
}

// A tail creates its consumer again after an administrator has deleted it.
func TestTailGoesOnWithoutItsConsumer(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	arrived := make(chan uint64, 10)
	go func() {
		_ = s.Tail(deadline(t), 0, func(run []eventstore.Record) error {
			for _, r := range run {
				arrived <- r.Sequence
			}
			return nil
		})
	}()
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	for id := range int64(3) {
		deleted := 0
		require.Eventually(t, func() bool {
			for name := range stream.ConsumerNames(deadline(t)).Name() {
				require.NoError(t, stream.DeleteConsumer(deadline(t), name))
				deleted++
			}
			return deleted > 0
		}, 10*time.Second, time.Millisecond)
		begun := time.Now()
		result, err := s.Append(deadline(t), created(id+1), 0)
		require.NoError(t, err)
		require.Equal(t, result.Sequence, <-arrived)
		require.Less(t, time.Since(begun), 10*time.Second)
	}
}

// A tail goes on after the server of its consumer has stopped.
func TestTailGoesOnAfterAServerIsGone(t *testing.T) {
	t.Parallel()
	cluster, stores := threeReplicas(t)
	tailing, writer := stores[0], stores[1]
	arrived := make(chan uint64, 1000)
	go func() {
		_ = tailing.Tail(deadline(t), 0, func(run []eventstore.Record) error {
			for _, r := range run {
				arrived <- r.Sequence
			}
			return nil
		})
	}()
	id := int64(0)
	add := func() {
		id++
		event := created(id)
		require.Eventually(t, func() bool {
			_, err := writer.Append(deadline(t), event, 0)
			if errors.Is(err, domain.ErrConflict) {
				_, found, err := writer.Find(deadline(t), domain.Lookup{Account: "test", ClientID: id, EventID: event.EventID, After: 0})
				return found && err == nil
			}
			return err == nil
		}, 20*time.Second, 10*time.Millisecond)
	}
	for range 20 {
		add()
	}
	cluster.Stop(0)
	for range 20 {
		add()
	}
	cluster.Restart(t, 0)
	add()
	for want := uint64(1); want <= 41; want++ {
		select {
		case got := <-arrived:
			require.Equal(t, want, got)
		case <-deadline(t).Done():
			t.Fatalf("message %d did not arrive", want)
		}
	}
}

func BenchmarkTail(b *testing.B) {
	s := singleNode(b)
	const n = 100_000
	fill(b, s, n)
	run := func(call func(done context.CancelFunc) error) time.Duration {
		_, cancel := context.WithCancel(context.Background())
		begun := time.Now()
		require.NoError(b, call(cancel))
		return time.Since(begun)
	}
	var follow, bare time.Duration
	for b.Loop() {
		bare += run(func(context.CancelFunc) error { return bareConsume(s, n) })
		follow += run(func(context.CancelFunc) error { return tailAll(s, n) })
	}
	b.ReportMetric(float64(b.N*n)/follow.Seconds(), "msg/s")
	b.ReportMetric(float64(b.N*n)/bare.Seconds(), "bare-msg/s")
	b.ReportMetric(follow.Seconds()/bare.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func tailAll(s *eventstore.Store, n uint64) error {
	enough := errors.New("enough")
	err := s.Tail(context.Background(), 0, func(run []eventstore.Record) error {
		if run[len(run)-1].Sequence >= n {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// bareConsume is what an ordered consumer takes that looks at nothing.
func bareConsume(s *eventstore.Store, n int) error {
	consumer, err := s.JetStream().OrderedConsumer(context.Background(), eventstore.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	left := n
	consumption, err := consumer.Consume(func(jetstream.Msg) {
		if left--; left == 0 {
			close(done)
		}
	}, jetstream.PullMaxMessages(1024))
	if err != nil {
		return err
	}
	defer consumption.Stop()
	<-done
	return nil
}

// fill stores the creation of n clients, in batches.
func fill(t testing.TB, s *eventstore.Store, n int) {
	t.Helper()
	for first := 1; first <= n; first += eventstore.MaxBatch {
		var batch []eventstore.Entry
		for id := first; id < min(first+eventstore.MaxBatch, n+1); id++ {
			event := created(int64(id))
			event.Event = domain.ClientCreated{
				ID: int64(id), Name: fmt.Sprintf("Client %06d", id*7919%n), Currency: "Euro - EUR", CurrencySymbol: "€", Active: true, Details: "123 Main St.",
			}
			batch = append(batch, eventstore.Entry{Event: &event, LastSequence: new(uint64)})
		}
		_, err := s.AppendBatch(context.Background(), batch)
		require.NoError(t, err)
	}
}
