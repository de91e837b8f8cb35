package server

import (
	"fmt"
	"time"

	"clients/eventstore/idempotency"
	"clients/projections/audit"

	"github.com/prometheus/client_golang/prometheus"
)

// maxLoggedFaults of a scrub are logged one by one; verify lists all of them.
const maxLoggedFaults = 20

// report logs what a scrub has found. It returns the first fault that ends the use of the stream, "" if there is none.
func (b *scrubber) report(faults []audit.Fault) (first string) {
	for i, f := range faults {
		if first == "" && stopsService(f.Kind) {
			first = fmt.Sprintf("%s%s: %s", f.Where(), f.Kind, f.Detail)
		}
		if i < maxLoggedFaults {
			b.log.Error("scrub found a fault", "kind", f.Kind, "sequence", f.First, "last", f.Last, "detail", f.Detail)
		}
	}
	return first
}

// use shows a record, and ends the use of the stream where a scrub since the start has found it damaged.
func (b *scrubber) use(record idempotency.ScrubRecord) {
	b.metrics.show(record, b.started)
	if record.First != "" && record.Finished.After(b.started) {
		b.store.MarkDamaged(record.First)
	}
}

// stopsService reports whether a kind of fault is one of what callers read, or of the events behind it. One server's copy
// harms no caller yet, and what is known of a project or an invoice is corrected by its service's next event.
func stopsService(kind audit.FaultKind) bool {
	return kind != audit.FaultCopy && kind != audit.FaultReferences
}

type scrubMetrics struct {
	faults            *prometheus.GaugeVec
	finished, running prometheus.Gauge
}

func newScrubMetrics(registry *prometheus.Registry, interval time.Duration) scrubMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registry.MustRegister(gauge)
		return gauge
	}
	m := scrubMetrics{
		faults: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clients_scrub_faults", Help: "Faults that the last scrub of the stream found, by any replica.",
		}, []string{"kind"}),
		finished: gauge("clients_scrub_finished_timestamp_seconds", "When the last scrub of the stream ended, by any replica; the start of this process if none is known."),
		running:  gauge("clients_scrub_running", "1 while this replica scrubs the stream."),
	}
	registry.MustRegister(m.faults)
	gauge("clients_scrub_interval_seconds", "How often the stream is to be scrubbed; 0 for never.").Set(interval.Seconds())
	return m
}

// show makes the metrics show a record, or the start of the process if no scrub has finished.
func (m scrubMetrics) show(record idempotency.ScrubRecord, started time.Time) {
	for _, kind := range audit.ScrubFaults() {
		m.faults.WithLabelValues(string(kind)).Set(float64(record.Faults[string(kind)]))
	}
	finished := record.Finished
	if finished.IsZero() {
		finished = started
	}
	m.finished.Set(float64(finished.UnixMilli()) / 1000)
}
