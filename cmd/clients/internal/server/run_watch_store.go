package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"clients/cmd/clients/internal/backup"
	"clients/eventstore"
)

// storeInterval is how often the embedded store is checked. The process ends if it refused writes in maxRefusals checks in a
// row although its disk has room.
const (
	storeInterval = time.Second
	maxRefusals   = 3
)

// watchStore checks from now on whether the embedded server accepts writes. One that met a full disk or a failed sync
// refuses all further writes until it is restarted: if the disk has room again, the process ends, so that its supervisor
// restarts it.
func (s *Server) watchStore() {
	refusals := 0
	s.every(storeInterval, func(context.Context) {
		full, fault := s.embedded.DiskFull(), s.embedded.WriteFault(backup.Streams(true))
		if full != "" || fault == "" {
			refusals = 0
			setReadOnly(s.store, full, s.log)
			return
		}
		refusals++
		setReadOnly(s.store, fault, s.log)
		if refusals == maxRefusals {
			err := fmt.Errorf("embedded NATS refuses writes although the disk has room: %s", fault)
			s.setNotReady(err.Error())
			s.broken <- err
		}
	})
}

func setReadOnly(store *eventstore.Store, reason string, log *slog.Logger) {
	if before := store.ReadOnly(); (before == "") != (reason == "") {
		log.Warn("read-only changed", "reason", reason, "before", before)
	}
	store.SetReadOnly(reason)
}
