// Package ingest takes in what other services say about projects and invoices: it reads their streams, records what
// stands in the way of a client's end as facts on the service's own stream, and puts what it cannot use into quarantine.
//
// Every replica reads. One of them records; the others wait for its facts to arrive, and step in when they do not. What
// has been dealt with follows from the facts alone, so that no position has to be trusted, handed over or restored.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/components/metrics"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Config tells what an Ingest works with.
type Config struct {
	Store      *eventstore.Store
	Directory  *readmodel.Directory
	Quarantine *eventstore.Quarantine
	// Replica names this process among those that record.
	Replica string
	// Patience is how long another replica is given to record a message before this one does. 0: there is no other.
	Patience   time.Duration
	NewEventID func() string
	Now        func() time.Time
	Registry   prometheus.Registerer
	Tracer     trace.Tracer // nil where nothing is traced
	Log        *slog.Logger
}

// Ingest reads all sources. It is the Fence for commands that rest on them.
type Ingest struct {
	config    Config
	metrics   *ingestMetrics
	router    *message.Router
	recorders map[string]*Recorder // by stream
	running   sync.WaitGroup
	life      context.Context // from Start to Stop
	stop      context.CancelFunc
}

// The middleware: how long one attempt at a message may take, and how often it is tried before it is delivered again.
const (
	attemptLimit = 10 * time.Second
	retries      = 4
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	closeLimit   = 2 * time.Second
)

// New makes an Ingest that has not begun.
func New(config Config) (*Ingest, error) {
	config.Log = eventstore.LimitLog(config.Log)
	i := &Ingest{config: config, metrics: newMetrics(config.Registry), recorders: make(map[string]*Recorder)}
	// Watermill reports each message by itself; what concerns all of them is told here, once.
	quiet := watermill.NewSlogLoggerWithLevelMapping(config.Log, map[slog.Level]slog.Level{
		slog.LevelError: slog.LevelDebug, slog.LevelInfo: slog.LevelDebug, slog.LevelDebug: slog.LevelDebug,
	})
	var err error
	if i.router, err = message.NewRouter(message.RouterConfig{CloseTimeout: closeLimit}, quiet); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	poison, err := middleware.PoisonQueueWithFilter(&quarantinePublisher{i}, eventstore.QuarantineStream, unusable)
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	metrics.NewPrometheusMetricsBuilder(config.Registry, "clients", "intake").AddPrometheusRouterMetrics(i.router)
	i.router.AddMiddleware(
		traced(config.Tracer),
		middleware.CorrelationID,
		poison,
		middleware.Retry{
			MaxRetries: retries, InitialInterval: firstPause, MaxInterval: longestPause, Multiplier: 2, RandomizationFactor: .2,
			ResetContextOnRetry: true, ShouldRetry: func(p middleware.RetryParams) bool { return !unusable(p.Err) },
		}.Middleware,
		middleware.Recoverer,
		middleware.Timeout(attemptLimit),
	)
	subscriber := &Subscriber{ingest: i}
	for _, source := range []eventstore.Source{eventstore.Projects, eventstore.Invoices} {
		recorder := newRecorder(config, i.metrics, source)
		i.recorders[source.Stream] = recorder
		i.router.AddConsumerHandler(source.Stream, source.Stream, subscriber, func(msg *message.Message) error {
			m := sourceOf(msg)
			fact, err := interpret(m)
			return recorder.Record(msg.Context(), m, fact, err)
		})
	}
	return i, nil
}

// Start begins to read, and returns when it has begun.
func (i *Ingest) Start(ctx context.Context) error {
	ctx, i.stop = context.WithCancel(context.WithoutCancel(ctx))
	i.life = ctx
	for _, recorder := range i.recorders {
		i.running.Go(func() { recorder.run(ctx) })
	}
	failed := make(chan error, 1)
	i.running.Go(func() { failed <- i.router.Run(ctx) })
	select {
	case <-i.router.Running():
		return nil
	case err := <-failed:
		i.Stop()
		return fmt.Errorf("ingest: %w", err)
	}
}

// Stop ends reading and recording. What was under way is read again by the next one.
func (i *Ingest) Stop() {
	i.stop()
	_ = i.router.Close()
	i.running.Wait()
}

// recorderOf answers who records a stream, or an error when it is none of the sources.
func (i *Ingest) recorderOf(stream string) (*Recorder, error) {
	if recorder := i.recorders[stream]; recorder != nil {
		return recorder, nil
	}
	return nil, domain.Errorf(domain.Invalid, "%q is not a stream that is read.", stream)
}
