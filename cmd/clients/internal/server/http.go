package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"clients/cmd/clients/internal/version"
	"clients/domain/command"
	"clients/transport"
	"clients/transport/connections"

	"github.com/google/uuid"
)

// listen opens both listeners.
func (s *Server) listen(context.Context) (err error) {
	if s.api, err = net.Listen("tcp", s.config.HTTPAddr); err != nil {
		return fmt.Errorf("listen for the API (CLIENTS_HTTP_ADDR): %w", err)
	}
	s.onStop(func() { _ = s.api.Close() })
	if s.ops, err = net.Listen("tcp", s.config.OpsAddr); err != nil {
		return fmt.Errorf("listen for operations (CLIENTS_OPS_ADDR): %w", err)
	}
	s.onStop(func() { _ = s.ops.Close() })
	return nil
}

// serveOperations serves the endpoints for operations from now on.
func (s *Server) serveOperations(context.Context) error {
	s.registerReadiness()
	handler := transport.Operations{Ready: s.ready, ReadOnly: s.readOnly, Metrics: s.registry, Version: version.Current(), Hosts: s.hosts()}.Handler()
	s.opsServer = transport.NewServer(handler, s.log)
	limited := connections.Limit(s.ops, connections.Limits{Max: opsConnections})
	limited.Attach(s.opsServer)
	go s.serve(s.opsServer, limited)
	s.onStop(func() { _ = s.opsServer.Close() })
	return nil
}

// serveAPI serves the API.
func (s *Server) serveAPI(context.Context) error {
	commands := &command.Handler{
		Log:             s.store,
		Directory:       s.directory,
		IDs:             s.store,
		Records:         s.records,
		Barrier:         s.ingest,
		DefaultCurrency: s.config.DefaultCurrency,
		NewEventID:      newEventID,
		Now:             time.Now,
		Observe:         s.registerMetrics(),
		Writable:        s.store.Writable,
	}
	api := transport.API{
		Commands:       commands,
		Directory:      s.directory,
		Eventual:       s.config.EventualReads,
		Hosts:          s.hosts(),
		RateLimit:      s.config.RateLimit,
		MemoryLimit:    s.memoryLimit,
		TrustedProxies: s.config.TrustedProxies,
		Metrics:        transport.NewMetrics(s.registry),
		Tracer:         s.tracer,
		Log:            s.log,
	}
	if s.config.Credentials != nil {
		api.Logins = s.config.Credentials
	}
	handler, err := api.Handler()
	if err != nil {
		return err
	}
	s.apiServer = transport.NewServer(s.drain.Handler(handler), s.log)
	limited := connections.Limit(s.api, connectionLimits(descriptors(), s.memoryLimit, s.config.Credentials != nil))
	limited.Attach(s.apiServer)
	listener := net.Listener(limited)
	if s.config.Certificate != nil {
		listener = tls.NewListener(listener, s.config.Certificate.TLS())
	}
	go s.serve(s.apiServer, listener)
	return nil
}

func (s *Server) serve(server *http.Server, listener net.Listener) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.log.Error("HTTP server ended", "addr", listener.Addr().String(), "error", err)
	}
}

// hosts returns the hosts that requests on both listeners may be for.
func (s *Server) hosts() transport.Hosts {
	return transport.Hosts{Allowed: s.config.AllowedHosts, Any: s.config.Credentials != nil}
}

func newEventID() string { return uuid.Must(uuid.NewV7()).String() }
