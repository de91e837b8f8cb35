package server

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/eventstore/history"
	"clients/eventstore/idempotency"
	"clients/projections/audit"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

// scrubber re-reads the stream from time to time, unless another replica does or has just done so.
type scrubber struct {
	server   *Server
	name     string // of this replica
	interval time.Duration
	started  time.Time

	faults   *prometheus.GaugeVec
	finished prometheus.Gauge
	running  prometheus.Gauge
}

// How often a scrubber reads the shared record, how long the lease to scrub lasts unless it is renewed, and how long storing
// the record may take at the end.
const (
	minPoll       = time.Second
	maxPoll       = time.Minute
	leaseTime     = 30 * time.Second
	recordTimeout = 2 * time.Second
)

// scrubStream begins to scrub.
func (s *Server) scrubStream(context.Context) error {
	b := s.newScrubber()
	if b.interval == 0 {
		return nil
	}
	s.background(b.run)
	return nil
}

func (s *Server) newScrubber() *scrubber {
	b := &scrubber{
		server: s, name: uuid.NewString(), interval: s.config.ScrubInterval, started: time.Now(),
		faults: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clients_scrub_faults", Help: "Faults that the last scrub of the stream found, by any replica.",
		}, []string{"kind"}),
		finished: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clients_scrub_finished_timestamp_seconds", Help: "When the last scrub of the stream ended, by any replica; the start of this process if none is known.",
		}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "clients_scrub_running", Help: "1 while this replica scrubs the stream."}),
	}
	interval := prometheus.NewGauge(prometheus.GaugeOpts{Name: "clients_scrub_interval_seconds", Help: "How often the stream is to be scrubbed; 0 for never."})
	interval.Set(b.interval.Seconds())
	b.show(idempotency.ScrubRecord{})
	s.registry.MustRegister(b.faults, b.finished, b.running, interval)
	return b
}

// run scrubs whenever it is time, until ctx ends or the stream is not followed any more.
func (b *scrubber) run(ctx context.Context) {
	look := time.NewTicker(min(max(b.interval/10, minPoll), maxPoll))
	defer look.Stop()
	for ctx.Err() == nil {
		if b.server.directory.Err() == nil {
			if err := b.turn(ctx); err != nil && ctx.Err() == nil {
				b.server.log.Warn("scrub not finished", "error", err)
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// turn scrubs if that is due and no other replica does.
func (b *scrubber) turn(ctx context.Context) error {
	records := b.server.records
	record, err := records.Scrubs(ctx)
	if err != nil {
		return err
	}
	b.show(record)
	now := time.Now()
	// A scrub from before the start that found something is not the last word: the stream may have been repaired since.
	stale := len(record.Faults) > 0 && record.Finished.Before(b.started)
	if now.Before(record.Until) || now.Sub(record.Finished) < b.interval && !stale {
		b.heed(record)
		if record.Expires() {
			_, err = records.StoreScrubs(ctx, record)
		}
		return ignoreConflict(err)
	}
	record.Holder, record.Until = b.name, now.Add(leaseTime)
	if record, err = records.StoreScrubs(ctx, record); err != nil {
		return ignoreConflict(err)
	}
	return b.scrub(ctx, record)
}

// scrub scrubs while it renews its turn, and stores how that ended.
func (b *scrubber) scrub(ctx context.Context, record idempotency.ScrubRecord) error {
	b.running.Set(1)
	defer b.running.Set(0)
	holding, cancel := context.WithCancelCause(ctx)
	renewed := make(chan idempotency.ScrubRecord, 1)
	go func() { renewed <- b.renew(holding, cancel, record) }()
	begun := time.Now()
	scrub := audit.Scrub{Directory: b.server.directory, Open: func(ctx context.Context) (*history.History, error) {
		return natsconn.OpenHistory(ctx, b.server.nc)
	}}
	faults, err := scrub.Run(holding)
	if cause := context.Cause(holding); cause != nil {
		err = cause
	}
	cancel(nil)
	record = <-renewed
	record.Holder, record.Until = "", time.Time{}
	if err == nil {
		record.Finished, record.Faults, record.First = time.Now().UTC(), count(faults), ""
		b.report(&record, faults, time.Since(begun))
	}
	ctx, cancelStore := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancelStore()
	if _, failed := b.server.records.StoreScrubs(ctx, record); err == nil {
		err = ignoreConflict(failed)
	}
	b.heed(record)
	return err
}

// renew keeps the turn until ctx ends, and returns the record as it was stored last. Where the turn is lost it ends ctx.
func (b *scrubber) renew(ctx context.Context, lose context.CancelCauseFunc, record idempotency.ScrubRecord) idempotency.ScrubRecord {
	tick := time.NewTicker(leaseTime / 6)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return record
		}
		next := record
		next.Until = time.Now().Add(leaseTime)
		stored, err := b.server.records.StoreScrubs(context.WithoutCancel(ctx), next)
		switch {
		case err == nil:
			record = stored
		case ignoreConflict(err) == nil, time.Now().After(record.Until):
			lose(fmt.Errorf("another replica may scrub by now: %w", err))
			return record
		}
	}
}
