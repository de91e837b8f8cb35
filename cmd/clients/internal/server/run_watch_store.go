package server

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/backup"
)

// storeInterval is how often the embedded store is checked. The process ends if it refused writes in maxRefusals checks in a
// row although its disk has room.
const (
	storeInterval = time.Second
	maxRefusals   = 3
)

// watchStore checks until ctx ends whether the embedded server accepts writes. One that met a full disk or a failed sync
// refuses all further writes until it is restarted: if the disk has room again, the process ends, so that its supervisor
// restarts it.
func (s *Server) watchStore(ctx context.Context) {
	tick := time.NewTicker(storeInterval)
	defer tick.Stop()
	for refusals := 0; ctx.Err() == nil; {
		full, fault := s.embedded.DiskFull(), s.embedded.WriteFault(backup.Streams(true))
		if full != "" || fault == "" {
			refusals = 0
			s.setReadOnly(full)
		} else {
			refusals++
			s.setReadOnly(fault)
		}
		if refusals == maxRefusals {
			err := fmt.Errorf("embedded NATS refuses writes although the disk has room: %s", fault)
			s.setNotReady(err.Error())
			s.broken <- err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (s *Server) setReadOnly(reason string) {
	if before := s.store.ReadOnly(); (before == "") != (reason == "") {
		s.log.Warn("read-only changed", "reason", reason, "before", before)
	}
	s.store.SetReadOnly(reason)
}
