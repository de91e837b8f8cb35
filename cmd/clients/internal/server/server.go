package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/tracing"
	"clients/cmd/clients/internal/version"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"
	"clients/projections/ingest"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
	"clients/transport/connections"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Server is a running service.
type Server struct {
	config      config.Config
	log         *slog.Logger
	api, ops    net.Listener
	apiServer   *http.Server
	drain       connections.Drain // tells callers with open connections to leave
	opsServer   *http.Server
	embedded    *embedded.Server // nil with external NATS
	nc          *nats.Conn
	store       *eventstore.Store
	records     *idempotency.Store
	directory   *readmodel.Directory
	snapshots   *snapshotstore.Bucket
	restored    snapshotstore.Snapshot // what the directory started from
	snapshotter *snapshot.Snapshotter
	upstream    *upstream.Client
	ingest      *ingest.Ingest
	registry    *prometheus.Registry
	memoryLimit int64                  // bytes
	tracer      trace.Tracer           // nil without tracing
	notReady    atomic.Pointer[string] // reason, nil when the service is ready
	stopBy      time.Time              // when the stop has to be complete; zero before it begins
	broken      chan error             // receives why the process has to be restarted
	stops       []func()
}

// Start returns a server that accepts requests. If it fails, it stops what it has started.
func Start(ctx context.Context, config config.Config, log *slog.Logger) (_ *Server, err error) {
	s := &Server{config: config, log: log, registry: prometheus.NewRegistry(), memoryLimit: memoryLimit(log), broken: make(chan error, 1)}
	s.setNotReady("starting")
	defer func() {
		if err != nil {
			s.stopAll()
		}
	}()
	for _, step := range []func(context.Context) error{
		s.listen, s.serveOperations, s.startTracing, s.openStore, s.tailStream, s.startIngest, s.servePartners,
		s.watchStore, s.watchFiles, s.sampleStreams, s.scrubStream, s.serveAPI,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.notReady.Store(nil)
	return s, nil
}

// Limits of a stop: for requests in progress, also of a server whose store is broken, and for all of it.
const (
	requestLimit = 12 * time.Second
	brokenLimit  = 3 * time.Second
	stopLimit    = 23 * time.Second
)

// Wait returns when the server has stopped: after ctx ends, within 25 s and without an error, or when its store is broken
// and the process has to be restarted.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		s.log.Info("stopping", "delay", s.config.ShutdownDelay)
		s.stopBy = time.Now().Add(stopLimit)
		s.setNotReady("stopping")
		s.drain.Begin()
		time.Sleep(s.config.ShutdownDelay)
		s.stop(requestLimit)
		return nil
	case err := <-s.broken:
		s.log.Error("stopping, store is broken", "error", err)
		s.drain.Begin()
		s.stop(brokenLimit)
		return err
	}
}

// stop waits for requests in progress, up to a limit, and stops everything.
func (s *Server) stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.apiServer.Shutdown(ctx); err != nil {
		s.log.Warn("requests in progress cut off", "error", err)
		_ = s.apiServer.Close()
	}
	s.stopAll()
	s.log.Info("stopped")
}

// onStop registers what stops a part of the server. The last one runs first.
func (s *Server) onStop(stop func()) { s.stops = append(s.stops, stop) }

func (s *Server) stopAll() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
}

// background runs run until the server stops, which waits for it.
func (s *Server) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	s.onStop(func() { cancel(); <-done })
}

func (s *Server) startTracing(ctx context.Context) error {
	tracer, stop, err := tracing.Start(ctx, version.Current().Version, s.log)
	if err != nil {
		return err
	}
	s.tracer = tracer
	s.onStop(stop)
	return nil
}

func (s *Server) setNotReady(reason string) { s.notReady.Store(&reason) }

// ready returns why requests should go to another replica, or nil.
func (s *Server) ready() error {
	if reason := s.notReady.Load(); reason != nil {
		return errors.New(*reason)
	}
	return s.directory.Err()
}
