package server

import (
	"context"
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
	"clients/eventstore/history"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"
	"clients/projections/feed"
	"clients/projections/ingest"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
	"clients/transport"

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
	apiHandler  *transport.LateHandler
	draining    atomic.Bool      // ends the connections of callers before a shutdown
	embedded    *embedded.Server // nil with external NATS
	nc          *nats.Conn
	store       *eventstore.Store
	records     *idempotency.Store
	directory   *readmodel.Directory
	reader      *history.Reader // of clients and accounts
	feeds       *feed.Hub
	snapshots   *snapshotstore.Bucket
	snapshotter *snapshot.Snapshotter
	upstream    *upstream.Client
	ingest      *ingest.Ingest
	registry    *prometheus.Registry
	streams     *streamSampler
	memoryLimit int64        // bytes
	tracer      trace.Tracer // nil without tracing
	broken      chan error   // receives why the process has to be restarted
	stopBy      time.Time    // when the stop has to be complete; zero before it begins
	readiness
	permissions permissions
	parts
}

// Start returns a server that accepts requests. If it fails, it stops what it has started.
func Start(ctx context.Context, config config.Config, log *slog.Logger) (_ *Server, err error) {
	s := &Server{
		config: config, registry: prometheus.NewRegistry(), memoryLimit: memoryLimit(log), broken: make(chan error, 1),
	}
	fitGarbage()
	s.log = slog.New(startLog{log.Handler(), &s.readiness})
	defer func() {
		if err != nil {
			s.stopAll()
		}
	}()
	for _, step := range []struct {
		what string // for /readyz
		do   func(context.Context) error
	}{
		{"listen", s.listen}, {"serve operations", s.serveOperations}, {"accept requests", s.acceptRequests},
		{"trace", s.startTracing}, {"connect to NATS", s.connect},
		{"open the streams", s.openStore}, {"read stream CLIENTS", s.buildReadModel}, {"read PROJECTS and INVOICES", s.startIngest},
		{"serve partners", s.servePartners}, {"run in background", s.runInBackground}, {"serve the API", s.serveAPI},
	} {
		s.setStep(step.what)
		if err := step.do(ctx); err != nil {
			return nil, withRemedy(err)
		}
	}
	s.setReady()
	s.logReady()
	return s, nil
}

func (s *Server) startTracing(ctx context.Context) (err error) {
	var stop func()
	if s.tracer, stop, err = tracing.Start(ctx, version.Current().Version, s.log); err == nil {
		s.onStop(stop)
	}
	return err
}

// runInBackground starts what else runs until the server stops.
func (s *Server) runInBackground(context.Context) error {
	s.registerMetrics()
	if s.embedded != nil {
		s.watchStore()
	}
	watchConnection(s)
	s.streams = newStreamSampler(s)
	interval := time.Second // also to notice a leader that is cut off, see jsapi.Client.StreamSubjects
	if s.embedded != nil {
		interval = 2 * time.Second
	}
	s.every(interval, s.streams.sampleEvents)
	s.every(5*time.Second, s.streams.sampleOthers)
	watchFiles(s)
	watchCertificates(s)
	if scrubber := newScrubber(s); s.config.ScrubInterval > 0 {
		s.every(min(max(s.config.ScrubInterval/10, minPoll), maxPoll), scrubber.run)
	}
	return nil
}
