package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// BenchmarkHistory reads a history of 10 events. The baselines are reading one client, and a bare batched direct get of the same
// messages. The ratio aim is to be 1 at most: it compares the median of a history with that of one client plus twice a bare get.
func BenchmarkHistory(b *testing.B) {
	const versions = 10
	for _, consistency := range []string{"eventual", "strong"} {
		var subjects []subject
		for _, p := range programsMeasured() {
			s := startSeeded(b, p, 1000, versions, "CLIENTS_READ_CONSISTENCY="+consistency)
			subjects = append(subjects, subject{p.name, requester(b, s.base, http.StatusOK, same(text("GET", "/clients/500/history", "", ""))), s})
			if p.path == binary {
				subjects = append(subjects,
					subject{"one-", requester(b, s.base, http.StatusOK, same(text("GET", "/clients/500", "", ""))), s},
					subject{"bare-", batchReader(s.administrator(b), "clients.default.500", versions), nil})
			}
		}
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", consistency, callers), func(b *testing.B) {
				p50 := compare(b, callers, 2000, subjects...)
				b.ReportMetric(p50[0]/(p50[1]+2*p50[2]), "aim")
			})
		}
	}
}

// batchReader returns a function that gets all messages of a subject at once.
func batchReader(js jetstream.JetStream, subject string, want int) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		messages, err := jetstreamext.GetBatch(ctx, js, "CLIENTS", 500, jetstreamext.GetBatchSubject(subject), jetstreamext.GetBatchSeq(1))
		if err != nil {
			return err
		}
		n := 0
		for _, err := range messages {
			if errors.Is(err, jetstreamext.ErrNoMessages) {
				break
			}
			if err != nil {
				return err
			}
			n++
		}
		if n != want {
			return fmt.Errorf("%d messages", n)
		}
		return nil
	}
}

// BenchmarkLongHistory reads the first, the middle and the last page of one client's history, and then all of them. A longer one takes
// no more memory. The time of all pages is that of their number, since a page begins near the end of the one before.
func BenchmarkLongHistory(b *testing.B) {
	const limit = 1000
	for _, events := range []int{limit, size(b, "CLIENTS_BENCH_EVENTS", 100_000)} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			s := startSeeded(b, program{"", binary}, 1, events)
			before, took := s.peakMemory(b), time.Duration(0)
			for b.Loop() {
				for _, after := range []int{0, (events - limit) / 2, events - limit} {
					begun := time.Now()
					page, _ := s.history(fmt.Sprintf("%s/history?limit=%d&after=%d", path(1), limit, after))
					took = time.Since(begun)
					require.Len(b, page, limit)
					require.EqualValues(b, after+1, page[0].Version)
				}
			}
			b.ReportMetric(float64(took.Milliseconds()), "last-page-ms")
			begun := time.Now()
			for next := fmt.Sprintf("%s/history?limit=%d", path(1), limit); next != ""; {
				_, next = s.history(next)
			}
			b.ReportMetric(float64(time.Since(begun).Milliseconds()), "all-pages-ms")
			b.ReportMetric(float64(before>>20), "MiB-before")
			b.ReportMetric(float64((s.peakMemory(b)-before)>>20), "MiB-more")
		})
	}
}
