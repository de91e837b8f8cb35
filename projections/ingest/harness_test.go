package ingest_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/natstest"
	"clients/eventstore/upstream"
	"clients/projections/ingest"
	"clients/projections/readmodel"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits, on a busy machine.
const patience = time.Minute

const acme = "acme"

// system is a NATS system that other services and replicas of this one share.
type system struct {
	t       testing.TB
	cluster *natstest.Cluster
	nc      *nats.Conn // of the other services
	js      jetstream.JetStream
	clients int64         // created so far
	lag     time.Duration // of the directories that are made from now on
}

// lagging is a stream that is read with a delay.
type lagging struct {
	*eventstore.Store
	lag time.Duration
}

func (l lagging) Tail(ctx context.Context, after uint64, apply func([]eventstore.Record) error) error {
	return l.Store.Tail(ctx, after, func(run []eventstore.Record) error {
		select {
		case <-time.After(l.lag):
		case <-ctx.Done():
		}
		return apply(run)
	})
}

// newSystem starts servers, without the streams of other services.
func newSystem(t testing.TB, servers int) *system {
	t.Helper()
	y := &system{t: t, cluster: natstest.Run(t, servers)}
	y.nc = y.cluster.Connect(t, 0)
	var err error
	y.js, err = jetstream.New(y.nc)
	require.NoError(t, err)
	return y
}

// replica has the parts of one replica of the service that ingest needs.
type replica struct {
	*system
	name       string
	nc         *nats.Conn
	store      *eventstore.Store
	upstream   *upstream.Client
	directory  *readmodel.Directory
	quarantine *deadletter.Store
	ingest     *ingest.Ingest
	registry   *prometheus.Registry
	stop       func()
}

// replica starts a replica as cmd/clients does. wait is its Config.Patience.
func (y *system) replica(wait time.Duration, alter ...func(*ingest.Ingest)) *replica {
	y.t.Helper()
	r := y.reader()
	config := ingest.Config{
		Store: r.store, Upstream: r.upstream, DeadLetters: r.quarantine, Directory: r.directory, StreamReplicas: len(r.cluster.Servers),
		Replica: r.name, Patience: wait,
		NewEventID: func() string { return uuid.Must(uuid.NewV7()).String() }, Registry: r.registry, Log: slog.New(slog.DiscardHandler),
	}
	var err error
	r.ingest, err = ingest.New(config)
	require.NoError(y.t, err)
	for _, a := range alter {
		a(r.ingest)
	}
	r.ingest.Start(y.deadline())
	stopReader := r.stop
	r.stop = sync.OnceFunc(func() {
		begun := time.Now()
		r.ingest.Stop()
		require.Less(y.t, time.Since(begun), ingest.CloseTimeout, "stopping is quick at any time")
		stopReader()
	})
	y.t.Cleanup(r.stop)
	return r
}

// reader returns a replica that does not ingest.
func (y *system) reader() *replica {
	y.t.Helper()
	r := &replica{system: y, name: uuid.NewString(), nc: y.cluster.Connect(y.t, 0), registry: prometheus.NewRegistry()}
	var err error
	quiet := slog.New(slog.DiscardHandler)
	r.store, err = eventstore.Open(y.deadline(), r.nc, eventstore.Config{Replicas: len(y.cluster.Servers), Log: quiet})
	require.NoError(y.t, err)
	r.upstream = upstream.New(r.nc)
	r.quarantine = deadletter.New(r.nc)
	require.NoError(y.t, r.quarantine.Ensure(y.deadline(), len(y.cluster.Servers), quiet))
	r.directory = readmodel.NewDirectory(lagging{r.store, y.lag}, quiet)
	following, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.directory.Follow(following) })
	r.stop = sync.OnceFunc(func() { cancel(); running.Wait(); r.store.Close() })
	y.t.Cleanup(r.stop)
	eventually(y.t, "the directory is current", func() bool { return r.directory.Refresh(y.deadline()) == nil })
	return r
}

// oneReplica starts one replica on one server, with the streams of the other services.
func oneReplica(t testing.TB, alter ...func(*ingest.Ingest)) *replica {
	t.Helper()
	y := newSystem(t, 1)
	y.createStreams()
	return y.replica(0, alter...)
}

func (y *system) deadline() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	y.t.Cleanup(cancel)
	return ctx
}

// createClient creates a client and returns its id.
func (r *replica) createClient() int64 {
	r.t.Helper()
	r.clients++
	r.append(1, 0, domain.ClientCreated{ID: r.clients, Name: "A", Currency: "Euro - EUR", Active: true})
	return r.clients
}

// append stores an event of a client.
func (r *replica) append(version, lastSequence uint64, event domain.Event) {
	r.t.Helper()
	e := domain.Envelope{EventID: uuid.NewString(), Account: acme, Event: event, Version: version, Time: time.Now()}
	var receipt domain.AppendResult
	eventually(r.t, "the event is stored", func() bool {
		var err error
		receipt, err = r.store.Append(r.deadline(), e, lastSequence)
		return err == nil
	})
	require.NoError(r.t, r.directory.Await(r.deadline(), receipt.Sequence))
}

// deleteClient deletes a client without checking its references.
func (r *replica) deleteClient(id int64) {
	r.t.Helper()
	state := r.directory.State(acme, id)
	r.append(state.Client.Revision.Version+1, state.LastSequence, domain.ClientDeleted{ID: id})
}

// references returns the references of a client once all events are ingested.
func (r *replica) references(id int64) domain.References {
	r.t.Helper()
	r.awaitIngested()
	return r.directory.State(acme, id).References
}

// awaitIngested waits until all events are ingested, for as long as there is progress.
func (r *replica) awaitIngested() {
	r.t.Helper()
	for {
		before := r.directory.Sequence()
		err := r.ingest.Wait(r.deadline())
		if err == nil {
			return
		}
		require.Greater(r.t, r.directory.Sequence(), before, err)
	}
}

// quarantined returns the dead letters.
func (r *replica) quarantined() (all []deadletter.Letter) {
	r.t.Helper()
	eventually(r.t, "the dead letters can be read", func() bool {
		all = nil
		for letter, err := range r.quarantine.All(r.deadline()) {
			if err != nil { // a busy server may not respond in time
				return false
			}
			all = append(all, letter)
		}
		return true
	})
	return all
}

// count returns the sum of a counter or gauge over all series with some labels.
func (r *replica) count(name string, labels ...string) (sum float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	require.NoError(r.t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			matching := 0
			for _, pair := range metric.GetLabel() {
				for _, label := range labels {
					if pair.GetValue() == label {
						matching++
					}
				}
			}
			if matching == len(labels) {
				sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}
