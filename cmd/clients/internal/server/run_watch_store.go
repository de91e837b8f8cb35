package server

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/backup"

	"github.com/nats-io/nats.go"
)

// storeInterval is how often the embedded store is checked. The process ends if it refused writes in maxRefusals checks in a
// row although its disk has room. A single refusal does not count: a stream that an erasure or an administrator deletes, or that
// is created, looks for a moment like one that could not be recovered.
const (
	storeInterval = 2 * time.Second
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
			s.store.SetReadOnly(full)
			if full == "" {
				_ = s.embedded.WriteAddress() // tried again the next time
			}
			return
		}
		refusals++
		if refusals > 1 {
			s.store.SetReadOnly(fault)
		}
		if refusals == maxRefusals {
			endBroken(s, fmt.Errorf("embedded NATS refuses writes although the disk has room: %s", fault))
		}
	})
}

// watchConnection ends the process from now on when the connection to NATS is closed for good. The client does that after an error
// that it does not know, such as an event above a max_payload that was lowered while it was connected.
func watchConnection(s *Server) {
	s.nc.SetClosedHandler(func(nc *nats.Conn) {
		endBroken(s, fmt.Errorf("connection to NATS closed for good: %w", nc.LastError()))
	})
	s.onStop(func() { s.nc.SetClosedHandler(nil) })
}

// endBroken makes Wait return err: only a restart of the process helps.
func endBroken(s *Server, err error) {
	s.setNotReady(err.Error())
	select {
	case s.broken <- err:
	default: // it has another reason to end
	}
}
