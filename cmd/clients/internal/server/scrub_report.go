package server

import (
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore/idempotency"
	"clients/projections/audit"
)

// maxLoggedFaults of a scrub are logged one by one; verify lists all of them.
const maxLoggedFaults = 20

// report logs what a scrub has found, and notes it in the record.
func (b *scrubber) report(record *idempotency.ScrubRecord, faults []audit.Fault, took time.Duration) {
	log := b.server.log
	for i, f := range faults {
		if record.First == "" && stopsService(f.Kind) {
			record.First = fmt.Sprintf("%s%s: %s", f.Where(), f.Kind, f.Detail)
		}
		if i < maxLoggedFaults {
			log.Error("scrub found a fault", "kind", f.Kind, "sequence", f.First, "last", f.Last, "detail", f.Detail)
		}
	}
	log.Info("scrub finished", "faults", len(faults), "duration", took)
}

func count(faults []audit.Fault) map[string]int {
	counts := make(map[string]int)
	for _, f := range faults {
		counts[string(f.Kind)]++
	}
	return counts
}

// show makes the metrics show a record.
func (b *scrubber) show(record idempotency.ScrubRecord) {
	for _, kind := range audit.ScrubFaults() {
		b.faults.WithLabelValues(string(kind)).Set(float64(record.Faults[string(kind)]))
	}
	finished := record.Finished
	if finished.IsZero() {
		finished = b.started
	}
	b.finished.Set(float64(finished.UnixMilli()) / 1000)
}

// heed shows a record, and ends the use of the stream where a scrub since the start has found it damaged.
func (b *scrubber) heed(record idempotency.ScrubRecord) {
	b.show(record)
	if record.First != "" && record.Finished.After(b.started) {
		b.server.store.MarkDamaged(record.First)
	}
}

// stopsService reports whether a kind of fault is one of what callers read, or of the events behind it. One server's copy
// harms no caller yet, and what is known of a project or an invoice is mended by its service's next event.
func stopsService(kind audit.FaultKind) bool {
	return kind != audit.FaultCopy && kind != audit.FaultReferences
}

func ignoreConflict(err error) error {
	if errors.Is(err, domain.ErrConflict) {
		return nil
	}
	return err
}
