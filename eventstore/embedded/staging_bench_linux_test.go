package embedded_test

import (
	"bytes"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// BenchmarkBatch publishes messages of the size of an event as one staged batch: what is left of a command if nothing else is
// done. The baseline is one message by itself.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{16, 64, 128} {
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			serve(b, b.TempDir(), func(s *service) {
				single := s.measure(b, 1)
				batch := s.measure(b, size)
				b.ReportMetric(float64(batch.took)/float64(single.took)/float64(size), "single-ratio")
				batch.report(b, "")
				single.report(b, "single-")
			})
		})
	}
}

// measured is what b.N batches took.
type measured struct {
	events          int
	took, processor time.Duration
}

func (m measured) report(b *testing.B, prefix string) {
	events := float64(m.events)
	b.ReportMetric(events/m.took.Seconds(), prefix+"events/s")
	b.ReportMetric(float64(m.processor.Microseconds())/events, prefix+"cpu-µs/event")
}

// measure publishes b.N batches of a size, one after the other. One of 1 is a message by itself.
func (s *service) measure(b *testing.B, size int) measured {
	b.Helper()
	begun, used := time.Now(), processorTime(b)
	for range b.N {
		if size == 1 {
			_, err := s.js.PublishMsg(b.Context(), s.likeAnEvent(), jetstream.WithRetryAttempts(0))
			require.NoError(b, err)
			continue
		}
		id := uuid.NewString()
		require.NoError(b, s.server.Stage(id, size*1000))
		for n := range size {
			m := s.likeAnEvent()
			m.Header[server.JSBatchId], m.Header[server.JSBatchSeq] = []string{id}, []string{strconv.Itoa(n + 1)}
			if n < size-1 {
				require.NoError(b, s.nc.PublishMsg(m))
				continue
			}
			m.Header[server.JSBatchCommit] = []string{"1"}
			reply, err := s.nc.RequestMsgWithContext(b.Context(), m)
			require.NoError(b, err)
			require.NotContains(b, string(reply.Data), "error")
		}
	}
	return measured{b.N * size, time.Since(begun), processorTime(b) - used}
}

// likeAnEvent returns a message with as many and as long headers as those of an event, on a subject of its own.
func (s *service) likeAnEvent() *nats.Msg {
	s.id++
	m := &nats.Msg{Subject: fmt.Sprintf("client-references.x.%d", s.id), Header: nats.Header{}, Data: bytes.Repeat([]byte("x"), 210)}
	for n := range 10 {
		m.Header[fmt.Sprint("ce-header-", n)] = []string{"0123456789012345678901234567890"}
	}
	m.Header[jetstream.MsgIDHeader] = []string{uuid.NewString()}
	m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{"0"}
	return m
}

// processorTime returns how much processor time this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
