package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/projections/audit"

	"github.com/stretchr/testify/require"
)

// BenchmarkScrub scrubs once, of CLIENTS_BENCH_CLIENTS clients, and reports how long that takes, how much memory it needs
// on top of the directory's, and how long one reader and one writer wait with it and without.
func BenchmarkScrub(b *testing.B) {
	clients := 10_000
	if n, err := strconv.Atoi(os.Getenv("CLIENTS_BENCH_CLIENTS")); err == nil {
		clients = n
	}
	s := benchService(b, false)
	seed(b, s, clients)
	getBefore, putBefore := waits(b, s, func() { time.Sleep(5 * time.Second) })
	scrub := audit.Scrub{Directory: s.directory, Open: func(ctx context.Context) (*eventstore.History, error) {
		return eventstore.OpenHistory(ctx, s.nc)
	}}
	run := func() {
		faults, err := scrub.Run(b.Context())
		require.NoError(b, err)
		require.Empty(b, faults)
	}
	for b.Loop() {
		begun := time.Now()
		get, put := waits(b, s, run)
		took := time.Since(begun)
		before := heap()
		most := highest(run)
		b.ReportMetric(took.Seconds(), "s/scrub")
		b.ReportMetric(getBefore, "ms-p99-GET-without")
		b.ReportMetric(get, "ms-p99-GET-with")
		b.ReportMetric(putBefore, "ms-p99-PUT-without")
		b.ReportMetric(put, "ms-p99-PUT-with")
		b.ReportMetric(float64(before)/1e6, "MB-before")
		b.ReportMetric(float64(most-min(most, before))/1e6, "MB-more")
	}
	b.ReportMetric(0, "ns/op")
}

// highest returns the most that is in use while something is done.
func highest(do func()) (most uint64) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for every := time.Tick(time.Second); ; {
			select {
			case <-every:
				most = max(most, heap())
			case <-done:
				return
			}
		}
	})
	do()
	close(done)
	watch.Wait()
	return most
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// waits returns the 99th percentile of how long a reader and a writer wait, in milliseconds, while something is done.
func waits(b *testing.B, s *service, do func()) (get, put float64) {
	done := make(chan struct{})
	var callers sync.WaitGroup
	call := func(method, body string, worst *float64) {
		var took []float64
		for pace := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-pace.C:
			case <-done:
				slices.Sort(took)
				*worst = took[len(took)*99/100]
				return
			}
			begun := time.Now()
			request, err := http.NewRequest(method, fmt.Sprintf("http://%s/clients/%d", s.apiAddr(), 1+len(took)%100), strings.NewReader(strings.ReplaceAll(body, "N", strconv.Itoa(len(took)))))
			if err != nil {
				panic(err)
			}
			request.Header.Set("Content-Type", "application/xml")
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				panic(err)
			}
			_, _ = io.Copy(new(bytes.Buffer), answer.Body)
			_ = answer.Body.Close()
			took = append(took, float64(time.Since(begun))/1e6)
		}
	}
	callers.Go(func() { call("GET", "", &get) })
	callers.Go(func() { call("PUT", "<client><details>N</details></client>", &put) })
	do()
	close(done)
	callers.Wait()
	return get, put
}
