package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/domain"
	"clients/eventstore/history"
	"clients/eventstore/idempotency"
	"clients/projections/audit"
)

// scrubber re-reads the stream from time to time, unless another replica does or has just done so. The replicas share a
// record of the last scrub. One that scrubs holds a lease in it, which it renews; one that loses its lease stops.
type scrubber struct {
	*Server
	started time.Time
	running atomic.Bool
	last    atomic.Pointer[idempotency.ScrubRecord] // as it was read or stored
}

// How often a scrubber reads the shared record, and how long the lease to scrub lasts unless it is renewed.
const (
	minPoll       = time.Second
	maxPoll       = time.Minute
	leaseTime     = 30 * time.Second
	renewInterval = leaseTime / 6
)

// newScrubber registers the metrics of scrubs.
func newScrubber(s *Server) *scrubber {
	b := &scrubber{Server: s, started: time.Now()}
	b.last.Store(&idempotency.ScrubRecord{})
	b.registerMetrics()
	return b
}

// run scrubs if it is time and the stream can be followed.
func (b *scrubber) run(ctx context.Context) {
	if b.directory.Err() != nil {
		return
	}
	if err := b.scrubIfDue(ctx); err != nil && !errors.Is(err, domain.ErrConflict) && ctx.Err() == nil {
		b.log.Warn("scrub not finished", "error", err)
	}
}

// scrubIfDue scrubs if it is time and no other replica does. The error is domain.ErrConflict if another replica was faster.
func (b *scrubber) scrubIfDue(ctx context.Context) error {
	record, err := b.records.Scrubs(ctx)
	if err != nil {
		return err
	}
	b.use(record)
	now := time.Now()
	// A scrub from before the start that found something is not the last word: the stream may have been repaired since.
	stale := len(record.Faults) > 0 && record.Finished.Before(b.started)
	if now.Before(record.Until) || now.Sub(record.Finished) < b.config.ScrubInterval && !stale {
		if record.Expires() {
			_, err = b.records.StoreScrubs(ctx, record)
		}
		return err
	}
	record.Until = now.Add(leaseTime)
	if record, err = b.records.StoreScrubs(ctx, record); err != nil {
		return err
	}
	return b.scrub(ctx, record)
}

// scrub scrubs while it renews the lease in record, and stores how that ended.
func (b *scrubber) scrub(ctx context.Context, record idempotency.ScrubRecord) error {
	b.running.Store(true)
	defer b.running.Store(false)
	begun := time.Now()
	holding, cancel := context.WithCancel(ctx)
	defer cancel()
	var faults []audit.Fault
	ended := make(chan error, 1)
	go func() {
		open := func(ctx context.Context) (*history.History, error) { return natsconn.OpenHistory(ctx, b.nc) }
		scrub := audit.Scrub{Directory: b.directory, Open: open}
		var err error
		faults, err = scrub.Run(holding)
		ended <- err
	}()
	tick := time.NewTicker(renewInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return b.finish(ctx, record, faults, time.Since(begun), err)
		case <-tick.C:
		}
		renewed := record
		renewed.Until = time.Now().Add(leaseTime)
		renewed, err := b.records.StoreScrubs(ctx, renewed)
		if err == nil {
			record = renewed
		} else if errors.Is(err, domain.ErrConflict) || time.Now().After(record.Until) {
			cancel()
			<-ended
			return fmt.Errorf("lost the lease to scrub: %v", err)
		}
	}
}

// finish gives the lease up, and stores what a scrub has found unless it failed.
func (b *scrubber) finish(ctx context.Context, record idempotency.ScrubRecord, faults []audit.Fault, took time.Duration, failed error) error {
	record.Until = time.Time{}
	if failed == nil {
		b.log.Info("scrub finished", "faults", len(faults), "duration", took)
		record.Finished, record.Faults, record.First = time.Now().UTC(), make(map[string]int), b.report(faults)
		for _, f := range faults {
			record.Faults[string(f.Kind)]++
		}
	}
	_, err := b.records.StoreScrubs(context.WithoutCancel(ctx), record) // also when the server stops
	b.use(record)
	if failed != nil {
		return failed
	}
	return err
}
