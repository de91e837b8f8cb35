package server

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/backup"

	"github.com/prometheus/client_golang/prometheus"
)

// storeInterval is how often the embedded store is checked. The process ends if it refused writes in maxRefusals checks in a
// row although its disk has room.
const (
	storeInterval = time.Second
	maxRefusals   = 3
)

// watchStore shows whether writes are accepted. An embedded server that met a full disk or a failed sync refuses all further
// writes until it is restarted: if the disk has room again, the process ends, so that its supervisor restarts it.
func (s *Server) watchStore(context.Context) error {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clients_read_only", Help: "1 while writes are refused because NATS does not accept them, as /readyz says.",
	}, func() float64 { return number(s.readOnly() != "") }))
	if s.embedded == nil {
		return nil
	}
	s.background(func(ctx context.Context) {
		tick := time.NewTicker(storeInterval)
		defer tick.Stop()
		for refusals := 0; ctx.Err() == nil; {
			refusals = s.checkStore(refusals)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return nil
}

// checkStore returns how many checks in a row, those before included, found that the store refuses writes although its disk
// has room.
func (s *Server) checkStore(refusals int) int {
	full, fault := s.embedded.DiskFull(), s.embedded.WriteFault(backup.Streams(true))
	if full != "" || fault == "" {
		s.setReadOnly(full)
		return 0
	}
	s.setReadOnly(fault)
	if refusals++; refusals == maxRefusals {
		err := fmt.Errorf("embedded NATS refuses writes although the disk has room: %s", fault)
		s.setNotReady(err.Error())
		s.broken <- err
	}
	return refusals
}

func (s *Server) setReadOnly(reason string) {
	if before := s.store.ReadOnly(); (before == "") != (reason == "") {
		s.log.Warn("read-only changed", "reason", reason, "before", before)
	}
	s.store.SetReadOnly(reason)
}

// readOnly returns why writes are refused, "" while they are not.
func (s *Server) readOnly() string {
	if s.notReady.Load() != nil { // it is not there before the service was ready
		return ""
	}
	return s.store.ReadOnly()
}
