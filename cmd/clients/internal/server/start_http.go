package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"clients/cmd/clients/internal/version"
	"clients/domain/command"
	"clients/eventstore/embedded"
	"clients/projections/readmodel"
	"clients/projections/timeline"
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
	s.gauge("clients_ready", "1 while the service is ready, as /readyz says.", nil, func() float64 { return number(s.ready() == nil) })
	operations := transport.Operations{Ready: s.ready, ReadOnly: s.readOnly, Metrics: s.registry, Version: version.Current(), Hosts: s.config.API.Hosts}
	server := transport.NewServer(operations.Handler(), s.log)
	limited := connections.Limit(s.ops, connections.Limits{Max: opsConnections})
	limited.Attach(server)
	go serve(server, limited, s.log)
	s.onStop(func() { _ = server.Close() })
	return nil
}

// acceptRequests accepts requests to the API from now on, which wait for serveAPI for a moment, and are refused then.
func (s *Server) acceptRequests(context.Context) error {
	s.apiHandler = transport.NewLateHandler()
	s.apiServer = transport.NewServer(s.apiHandler, s.log)
	s.onStop(func() { _ = s.apiServer.Close() })
	limited := connections.Limit(s.api, connectionLimits(descriptors(), s.memoryLimit, s.config.Credentials != nil))
	limited.Attach(s.apiServer)
	listener := net.Listener(limited)
	if s.config.Certificate != nil {
		listener = tls.NewListener(listener, s.config.Certificate.TLS())
	}
	go serve(s.apiServer, listener, s.log)
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
		Observe:         countCommands(s.registry),
		Writable:        s.store.Writable,
	}
	reads := transport.Directory(s.directory)
	if s.embedded != nil {
		reads = ownReads{s.directory, s.embedded}
	}
	api := s.config.API
	api.Commands = commands
	api.Directory = reads
	api.Epoch = s.store.Epoch
	api.Timeline = timeline.New(s.reader, s.directory)
	api.Feeds = s.feeds
	api.Draining = &s.draining
	api.ReadOnly = s.readOnly
	api.MemoryLimit = s.memoryLimit
	api.Metrics = transport.NewMetrics(s.registry)
	api.Tracer = s.tracer
	api.Log = s.log
	if s.config.Credentials != nil {
		api.Logins = s.config.Credentials
	}
	handler, err := api.Handler()
	if err != nil {
		return err
	}
	s.apiServer.RegisterOnShutdown(s.feeds.Close) // once no new connection is accepted, so that readers reconnect elsewhere
	s.apiHandler.Set(handler)
	return nil
}

// ownReads show every event that was acknowledged. Those are this process's own as long as it alone uses the server.
type ownReads struct {
	*readmodel.Directory
	server *embedded.Server
}

// Refresh waits for what was acknowledged before the call.
func (r ownReads) Refresh(ctx context.Context) error {
	if r.server.Alone() {
		return r.AwaitOwn(ctx)
	}
	return r.Directory.Refresh(ctx)
}

func serve(server *http.Server, listener net.Listener, log *slog.Logger) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		log.Error("HTTP server ended", "addr", listener.Addr().String(), "error", err)
	}
}

func newEventID() string { return uuid.Must(uuid.NewV7()).String() }
