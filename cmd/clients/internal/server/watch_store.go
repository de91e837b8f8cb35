package server

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/backup"

	"github.com/prometheus/client_golang/prometheus"
)

// How often the embedded store is looked at, and how many times in a row it has to refuse writes although its disk has
// room before the process ends.
const (
	storeEvery    = time.Second
	brokenAtLooks = 3
)

// watchStore shows whether writes are accepted. An embedded server that meets a full disk, or a failed sync, refuses all
// further writes until it is started again: where the disk has room, the process ends, to be started again.
func (s *Server) watchStore(context.Context) error {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clients_read_only", Help: "1 while writes are refused because NATS does not accept them, as /readyz tells.",
	}, func() float64 { return number(s.readOnly() != "") }))
	if s.embedded == nil {
		return nil
	}
	refused := 0
	s.background(func(ctx context.Context) {
		every(ctx, storeEvery, func(context.Context) { refused = s.lookAtStore(refused) })
	})
	return nil
}

// lookAtStore returns how many times in a row the store has refused writes although its disk has room.
func (s *Server) lookAtStore(refused int) int {
	full, fault := s.embedded.DiskFull(), s.embedded.WriteFault(backup.Streams(true))
	if full != "" || fault == "" {
		s.setReadOnly(full)
		return 0
	}
	s.setReadOnly(fault)
	if refused++; refused == brokenAtLooks {
		err := fmt.Errorf("embedded NATS refuses writes although the disk has room: %s", fault)
		s.setNotReady(err.Error())
		s.broken <- err
	}
	return refused
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
