package server

import (
	"errors"
	"sync/atomic"
)

// readiness is why a server is not ready, apart from its read model.
type readiness struct{ reason atomic.Pointer[string] } // nil when it is ready

func (r *readiness) setReady() { r.reason.Store(nil) }

func (r *readiness) setNotReady(reason string) { r.reason.Store(&reason) }

// ready returns why requests should go to another replica, or nil.
func (s *Server) ready() error {
	if reason := s.reason.Load(); reason != nil {
		return errors.New(*reason)
	}
	return s.directory.Err()
}

// refusesWrites returns why NATS refuses writes, "" while it does not.
func (s *Server) refusesWrites() string {
	if s.reason.Load() != nil { // there is no store before the server was ready
		return ""
	}
	return s.store.ReadOnly()
}

// readOnly returns why writes cannot be carried out while the server is ready, "" while they can.
func (s *Server) readOnly() string {
	reason := s.refusesWrites()
	if reason == "" && s.reason.Load() == nil && !s.streams.Reachable() {
		return "NATS cannot be reached, or stream CLIENTS has no leader"
	}
	return reason
}
