package projections_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/snapshot"

	"github.com/stretchr/testify/require"
)

// BenchmarkSnapshot writes and restores a million clients.
func BenchmarkSnapshot(b *testing.B) {
	d := newDirectory(b)
	text := 0
	now := time.Now().UTC().Round(0)
	for id := int64(1); id <= 1_000_000; id++ {
		name := fmt.Sprintf("Client %07d Ltd", id*7919%1_000_000)
		details := "123 Main St. Third Floor New York, NY 10011 USA 212-555-1212"
		text += 2*len(name) + len(details)
		require.NoError(b, d.apply([]eventstore.Record{{
			Sequence: uint64(id), StoredAt: now.Add(time.Duration(id) * time.Millisecond), ClientID: id, Checksum: uint64(id),
			Envelope: domain.Envelope{Account: "default", Version: 1, Event: domain.ClientCreated{
				ID: id, Name: name, Currency: "Euro - EUR", CurrencySymbol: "€", Active: true, Details: details,
			}},
		}}))
	}
	var written bytes.Buffer
	var write, restore, take time.Duration
	var before, after runtime.MemStats
	for b.Loop() {
		written.Reset()
		begun := time.Now()
		s := d.View()
		take += time.Since(begun)
		require.NoError(b, snapshot.Encode(&written, s))
		write += time.Since(begun)
		runtime.GC()
		runtime.ReadMemStats(&before)

		begun = time.Now()
		restored, err := snapshot.Decode(bytes.NewReader(written.Bytes()))
		restore += time.Since(begun)
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.NoError(b, err)
		require.Equal(b, d.Stats().Clients, restored.Len())
		runtime.KeepAlive(restored)
	}
	b.ReportMetric(take.Seconds()*1000/float64(b.N), "ms-held")
	b.ReportMetric(write.Seconds()/float64(b.N), "s/write")
	b.ReportMetric(restore.Seconds()/float64(b.N), "s/restore")
	b.ReportMetric(float64(written.Len()), "bytes")
	b.ReportMetric(float64(int(after.HeapAlloc)-int(before.HeapAlloc)-text)/1e6, "bytes/client")
	b.ReportMetric(0, "ns/op")
}
