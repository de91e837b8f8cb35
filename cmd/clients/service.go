package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/tracing"
	"clients/domain/command"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"
	"clients/projections/ingest"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
	"clients/transport"
	"clients/transport/connections"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// service is the running whole. start builds it from the outside in, stop takes it down in the opposite order.
type service struct {
	settings    config.Config
	log         *slog.Logger
	api, ops    net.Listener
	apiServer   *http.Server
	drain       connections.Drain
	opsServer   *http.Server
	embedded    *embedded.Server
	nc          *nats.Conn
	store       *eventstore.Store
	records     *idempotency.Store
	directory   *readmodel.Directory
	restored    eventstore.Snapshot // that the directory began with
	snapshotter *snapshot.Snapshotter
	upstream    *upstream.Client
	ingest      *ingest.Ingest
	registry    *prometheus.Registry
	memoryLimit int64                  // bytes
	tracer      trace.Tracer           // nil where nothing is traced
	state       atomic.Pointer[string] // why the service is not ready, nil when it is
	stopBy      time.Time              // when all has to be over; zero before the end has begun
	broken      chan error             // gets why the process has to be started again
	undo        []func()
}

// start returns as soon as the service answers requests. What it has begun when it fails it takes back.
func start(ctx context.Context, settings config.Config, log *slog.Logger) (_ *service, err error) {
	s := &service{settings: settings, log: log, registry: prometheus.NewRegistry(), memoryLimit: memoryLimit(log), broken: make(chan error, 1)}
	s.notReady("starting")
	defer func() {
		if err != nil {
			s.takeDown()
		}
	}()
	for _, step := range []func(context.Context) error{s.listen, s.serveOperations, s.trace, s.openStore, s.followStream, s.startIngest, s.servePartners, s.watchStore, s.watchFiles, s.sampleStreams, s.scrubStream, s.serveAPI} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.state.Store(nil)
	return s, nil
}

// listen takes the ports first: without them nothing else is begun.
func (s *service) listen(context.Context) (err error) {
	if s.api, err = net.Listen("tcp", s.settings.HTTPAddr); err != nil {
		return fmt.Errorf("the API cannot listen (CLIENTS_HTTP_ADDR): %w", err)
	}
	s.onStop(func() { _ = s.api.Close() })
	if s.ops, err = net.Listen("tcp", s.settings.OpsAddr); err != nil {
		return fmt.Errorf("the operations endpoints cannot listen (CLIENTS_OPS_ADDR): %w", err)
	}
	s.onStop(func() { _ = s.ops.Close() })
	return nil
}

func (s *service) serveOperations(context.Context) error {
	s.registerReadiness()
	handler := transport.Operations{Ready: s.ready, ReadOnly: s.readOnly, Metrics: s.registry, Version: currentVersion(), Hosts: s.hosts()}.Handler()
	s.opsServer = transport.NewServer(handler, s.log)
	limited := connections.Limit(s.ops, connections.Limits{Max: opsConnections})
	limited.Attach(s.opsServer)
	go s.serve(s.opsServer, limited)
	s.onStop(func() { _ = s.opsServer.Close() })
	return nil
}

func (s *service) openStore(ctx context.Context) (err error) {
	config := eventstore.Config{Replicas: s.settings.StreamReplicas, Log: s.log}
	if s.settings.NATS.URL == "" {
		if err := s.startEmbedded(); err != nil {
			return err
		}
		config.Reached, config.Advanced = s.embedded.HighWater.Sequence(), s.embedded.HighWater.Advance
	} else if s.nc, err = s.settings.NATS.Connect(ctx, s.log); err != nil {
		return err
	}
	s.onStop(s.nc.Close)
	s.store, err = eventstore.Open(ctx, s.nc, config)
	if errors.Is(err, eventstore.ErrNoCluster) {
		return fmt.Errorf("%w: set CLIENTS_STREAM_REPLICAS to 1, or name the servers of a cluster in CLIENTS_NATS_URL", err)
	}
	if err != nil {
		return err
	}
	s.onStop(s.store.Close)
	s.records, err = idempotency.Open(ctx, s.nc, idempotency.Config{
		Replicas: s.settings.StreamReplicas, LongestCommand: command.Longest, AppendCost: s.store.AppendCost, Published: s.store.Published, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.onStop(s.records.Close)
	s.upstream, err = upstream.New(s.nc)
	return err
}

// startEmbedded starts a NATS server within the process and connects to it.
func (s *service) startEmbedded() (err error) {
	s.embedded, err = embedded.Start(embedded.Config{
		Dir: s.settings.DataDir, Addr: s.settings.EmbeddedListenAddr(), Partners: s.settings.PartnerAccess(), Log: s.log,
	})
	var listen *net.OpError
	if errors.As(err, &listen) {
		return fmt.Errorf("the embedded NATS server cannot listen (CLIENTS_EMBEDDED_NATS_ADDR): %w", err)
	}
	if err != nil {
		return err
	}
	s.onStop(s.embedded.Shutdown)
	if s.nc, err = s.embedded.Connect(natsconn.Options(s.log)...); err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	return nil
}

func (s *service) trace(ctx context.Context) error {
	tracer, stop, err := tracing.Start(ctx, currentVersion().Version, s.log)
	if err != nil {
		return err
	}
	s.tracer = tracer
	s.onStop(stop)
	return nil
}

func newEventID() string { return uuid.Must(uuid.NewV7()).String() }

func (s *service) serveAPI(context.Context) error {
	commands := &command.Handler{
		Log:             s.store,
		Directory:       s.directory,
		IDs:             s.store,
		Records:         s.records,
		Barrier:         s.ingest,
		DefaultCurrency: s.settings.DefaultCurrency,
		NewEventID:      newEventID,
		Now:             time.Now,
		Observe:         s.registerMetrics(),
		Writable:        s.store.Writable,
	}
	api := transport.API{
		Commands:       commands,
		Directory:      s.directory,
		Eventual:       s.settings.EventualReads,
		Hosts:          s.hosts(),
		RateLimit:      s.settings.RateLimit,
		MemoryLimit:    s.memoryLimit,
		TrustedProxies: s.settings.TrustedProxies,
		Metrics:        transport.NewMetrics(s.registry),
		Tracer:         s.tracer,
		Log:            s.log,
	}
	if s.settings.Credentials != nil {
		api.Logins = s.settings.Credentials
	}
	handler, err := api.Handler()
	if err != nil {
		return err
	}
	s.apiServer = transport.NewServer(s.drain.Handler(handler), s.log)
	limited := connections.Limit(s.api, connectionLimits(descriptors(), s.memoryLimit, s.settings.Credentials != nil))
	limited.Attach(s.apiServer)
	listener := net.Listener(limited)
	if s.settings.Certificate != nil {
		listener = tls.NewListener(listener, s.settings.Certificate.TLS())
	}
	go s.serve(s.apiServer, listener)
	return nil
}

func (s *service) serve(server *http.Server, listener net.Listener) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.log.Error("server ended", "addr", listener.Addr().String(), "error", err)
	}
}

// How long requests under way are waited for at the end, and how long all of it may take.
const (
	requestLimit = 12 * time.Second
	abortLimit   = 3 * time.Second
	stopLimit    = 23 * time.Second
)

// stop ends the service within 25 s: first nobody is sent here any more, then who is here gets his answer.
func (s *service) stop() error {
	s.log.Info("stopping", "delay", s.settings.ShutdownDelay)
	s.stopBy = time.Now().Add(stopLimit)
	s.notReady("stopping")
	s.drain.Begin()
	time.Sleep(s.settings.ShutdownDelay)
	s.end(requestLimit)
	return nil
}

// abort ends a service whose store is broken: at once, for no write can succeed any more.
func (s *service) abort(cause error) error {
	s.log.Error("stopping: store is broken", "error", cause)
	s.drain.Begin()
	s.end(abortLimit)
	return cause
}

// end waits for the requests under way, up to a limit, and takes everything down.
func (s *service) end(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.apiServer.Shutdown(ctx); err != nil {
		s.log.Warn("requests under way were cut off", "error", err)
		_ = s.apiServer.Close()
	}
	s.takeDown()
	s.log.Info("stopped")
}

// onStop remembers how to undo a step; the last one is undone first.
func (s *service) onStop(undo func()) { s.undo = append(s.undo, undo) }

func (s *service) takeDown() {
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.undo[i]()
	}
}

func (s *service) notReady(why string) { s.state.Store(&why) }

// ready answers why requests should go elsewhere, or nil.
func (s *service) ready() error {
	if why := s.state.Load(); why != nil {
		return errors.New(*why)
	}
	return s.directory.Err()
}

// hosts are those that requests on both listeners may be for.
func (s *service) hosts() transport.Hosts {
	return transport.Hosts{Allowed: s.settings.AllowedHosts, Any: s.settings.Credentials != nil}
}

func (s *service) apiAddr() string { return s.api.Addr().String() }
func (s *service) opsAddr() string { return s.ops.Addr().String() }

// natsURL is where the NATS servers are that the service uses. It may hold a password: see natsconn.Redact.
func (s *service) natsURL() string {
	if s.embedded != nil {
		return s.embedded.URL()
	}
	return s.settings.NATS.URL
}
