package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/loglimit"
	"clients/eventstore/upstream"
	"clients/projections/readmodel"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/components/metrics"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Config is what an Ingest works with.
type Config struct {
	Store       *eventstore.Store
	Upstream    *upstream.Client
	DeadLetters *deadletter.Store
	Directory   *readmodel.Directory
	// StreamReplicas is the number of replicas of the streams that the service creates.
	StreamReplicas int
	// Replica names this process among those that record.
	Replica string
	// Patience is how long another replica is given to record a message before this one does; 0 if there is no other.
	Patience   time.Duration
	NewEventID func() string
	Registry   prometheus.Registerer
	Tracer     trace.Tracer // nil for no traces
	Log        *slog.Logger
}

// Ingest reads all streams of other services. It is the read barrier for commands that depend on them.
type Ingest struct {
	config  Config
	metrics *ingestMetrics
	router  *message.Router
	loops   map[string]*loop // by stream
	running sync.WaitGroup
	life    context.Context // from Start to Stop
	stop    context.CancelFunc
}

const closeTimeout = 2 * time.Second

// New returns an Ingest that has not started.
func New(config Config) (*Ingest, error) {
	config.Log = loglimit.New(config.Log)
	i := &Ingest{config: config, metrics: newMetrics(config.Registry), loops: make(map[string]*loop)}
	quiet := watermill.NewSlogLoggerWithLevelMapping(config.Log, map[slog.Level]slog.Level{ // the loop logs each failure itself
		slog.LevelError: slog.LevelDebug, slog.LevelInfo: slog.LevelDebug, slog.LevelDebug: slog.LevelDebug,
	})
	var err error
	if i.router, err = message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, quiet); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	metrics.NewPrometheusMetricsBuilder(config.Registry, "clients", "intake").AddPrometheusRouterMetrics(i.router)
	i.router.AddMiddleware(middleware.Recoverer)
	for _, stream := range upstream.Streams() {
		l := &loop{Config: config, metrics: i.metrics, stream: stream}
		i.loops[stream.Name] = l
		i.router.AddConsumerHandler(stream.Name, stream.Name, l, l.handle)
	}
	return i, nil
}

// Start starts to read, and returns when the router runs. It does not wait for the streams.
func (i *Ingest) Start(ctx context.Context) {
	i.life, i.stop = context.WithCancel(context.WithoutCancel(ctx))
	i.running.Go(func() { _ = i.router.Run(i.life) }) // only its plugins and subscriptions could fail
	<-i.router.Running()
}

// Stop ends reading and recording. The next start continues from the record.
func (i *Ingest) Stop() {
	i.stop()
	i.running.Wait()
}
