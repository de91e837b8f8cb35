package server

import (
	"fmt"

	"clients/eventstore/idempotency"
	"clients/projections/audit"

	"github.com/prometheus/client_golang/prometheus"
)

// report logs what a scrub has found. It returns the first fault that ends the use of the stream, "" if there is none.
func (b *scrubber) report(faults []audit.Fault) (first string) {
	for _, f := range faults {
		if first == "" && stopsService(f.Kind) {
			first = fmt.Sprintf("%s%s: %s", f.Where(), f.Kind, f.Detail)
		}
		b.log.Error("scrub found a fault", "kind", f.Kind, "sequence", f.First, "last", f.Last, "detail", f.Detail)
	}
	return first
}

// use shows a record, and ends the use of the stream where a scrub since the start has found it damaged.
func (b *scrubber) use(record idempotency.ScrubRecord) {
	b.last.Store(&record)
	if record.First != "" && record.Finished.After(b.started) {
		b.store.MarkDamaged(record.First)
	}
}

// stopsService reports whether a kind of fault is one of what callers read, or of the events behind it. One server's copy
// harms no caller yet, and what is known of a project or an invoice is corrected by its service's next event.
func stopsService(kind audit.FaultKind) bool {
	return kind != audit.FaultCopy && kind != audit.FaultReferences
}

// registerMetrics makes /metrics show the record of the last scrub.
func (b *scrubber) registerMetrics() {
	for _, kind := range audit.ScrubFaults() {
		b.gauge("clients_scrub_faults", "Faults that the last scrub of the stream found, by any replica.", prometheus.Labels{"kind": string(kind)},
			func() float64 { return float64(b.last.Load().Faults[string(kind)]) })
	}
	b.gauge("clients_scrub_finished_timestamp_seconds", "When the last scrub of the stream ended, by any replica; the start of this process if none is known.", nil, func() float64 {
		finished := b.last.Load().Finished
		if finished.IsZero() {
			finished = b.started
		}
		return float64(finished.UnixMilli()) / 1000
	})
	b.gauge("clients_scrub_running", "1 while this replica scrubs the stream.", nil, func() float64 { return number(b.running.Load()) })
	b.gauge("clients_scrub_interval_seconds", "How often the stream is to be scrubbed; 0 for never.", nil, b.config.ScrubInterval.Seconds)
}
