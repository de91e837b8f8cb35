package projections_test

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/snapshot"

	"github.com/stretchr/testify/require"
)

const benchInvoices, benchClients = 1_000_000, 1000

// foldEvents folds n reference events of one stream, which make returns by their number.
func foldEvents(tb testing.TB, d *directory, n int, make func(n int64) domain.ReferenceEvent) {
	tb.Helper()
	stream := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := []eventstore.Record{}
	flush := func() {
		require.NoError(tb, d.apply(run))
		run = run[:0]
	}
	at := d.Sequence()
	for i := range n {
		f := make(int64(i) + 1)
		source := map[domain.ReferenceKind]string{domain.Project: "PROJECTS", domain.Invoice: "INVOICES"}[f.Kind]
		last, _ := d.Reached(source, stream)
		f.Source = domain.Position{Stream: source, Created: stream, Sequence: last.Sequence + uint64(len(run)) + 1}
		f.EventID, f.Account, f.StoredAt, f.Replica = fmt.Sprintf("/invoices\n%d", at), "default", stream, "a"
		at++
		run = append(run, eventstore.Record{Sequence: at, StoredAt: stream, Reference: &f})
		if len(run) == 512 {
			flush()
		}
	}
	flush()
}

func benchDirectory(tb testing.TB) *directory {
	h := newHistory(tb)
	for id := range int64(benchClients) {
		h.created("default", id+1, fmt.Sprintf("Client %d", id))
	}
	return h.folded()
}

func invoices(tb testing.TB, d *directory, change domain.Operation) {
	foldEvents(tb, d, benchInvoices, func(n int64) domain.ReferenceEvent {
		client := n%benchClients + 1
		f := domain.ReferenceEvent{Kind: domain.Invoice, Operation: change, ID: n, Subject: client}
		if change == domain.Created {
			f.ClientID = client
		}
		return f
	})
}

func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkInvoices measures the memory of a million invoices, and of a million deleted ones.
func BenchmarkInvoices(b *testing.B) {
	for b.Loop() {
		d := benchDirectory(b)
		before := heapInUse()
		invoices(b, d, domain.Created)
		b.ReportMetric((heapInUse()-before)/benchInvoices, "B/living")
		require.Equal(b, benchInvoices/benchClients, d.State("default", 1).References.Invoices)
		invoices(b, d, domain.Deleted)
		b.ReportMetric((heapInUse()-before)/benchInvoices, "B/deleted")
		require.Zero(b, d.State("default", 1).References)
		runtime.KeepAlive(d)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEventsOfOneProject folds 200,000 of them.
func BenchmarkEventsOfOneProject(b *testing.B) {
	for b.Loop() {
		d := benchDirectory(b)
		foldEvents(b, d, 200_000, func(n int64) domain.ReferenceEvent {
			return domain.ReferenceEvent{Kind: domain.Project, Operation: domain.Changed, ID: 7, ClientID: 1, Subject: 1, Active: new(n%2 == 0)}
		})
	}
}

// BenchmarkReadsDuringASnapshot measures the longest wait of a read while a snapshot with a million invoices is taken and
// written, and how much is allocated to take it.
func BenchmarkReadsDuringASnapshot(b *testing.B) {
	d := benchDirectory(b)
	invoices(b, d, domain.Created)
	var longest time.Duration
	var taken uint64
	for b.Loop() {
		var done atomic.Bool
		waited := make(chan time.Duration)
		go func() {
			var longest time.Duration
			for !done.Load() {
				begun := time.Now()
				d.State("default", 1)
				longest = max(longest, time.Since(begun))
				time.Sleep(100 * time.Microsecond)
			}
			waited <- longest
		}()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := d.View()
		runtime.ReadMemStats(&after)
		taken = after.TotalAlloc - before.TotalAlloc
		require.NoError(b, snapshot.Encode(io.Discard, s))
		done.Store(true)
		longest = max(longest, <-waited)
	}
	b.ReportMetric(longest.Seconds()*1000, "ms-longest")
	b.ReportMetric(float64(taken)/1e6, "MB-taken")
}
