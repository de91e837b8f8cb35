package ingest_test

import (
	"context"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// requireClosed requires that the error of the read barrier names the stream and the reason.
func requireClosed(t *testing.T, err error, stream, why string) {
	t.Helper()
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
	require.Contains(t, refusal.Message, stream)
	require.Contains(t, refusal.Message, why)
}

func briefly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// After the read barrier the directory shows all events that were acknowledged before, whichever connection published them and
// whichever replica records.
func TestBehindTheReadBarrierTheDirectoryShowsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		servers, rounds int
	}{"one node": {1, 150}, "three nodes": {3, 50}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, c.servers)
			y.createStreams()
			replicas := []*replica{y.replica(time.Second)}
			if c.servers > 1 {
				replicas = append(replicas, y.replica(time.Second))
			}
			one := replicas[0].createClient()
			for round := range c.rounds {
				r := replicas[round%len(replicas)]
				id := int64(1 + round)
				y.publish(project("Created", id, `"client_id":1`))
				require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
				y.publish(project("Deleted", id, ""), invoice("Created", id, `"client_id":1`))
				require.Equal(t, domain.References{Invoices: 1}, r.references(one))
				y.publish(invoice("Deleted", id, ""))
				require.Zero(t, r.references(one))
			}
		})
	}
}

func TestTheReadBarrierNamesAMissingStreamUntilItExists(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	r := y.replica(0)
	one := r.createClient()
	requireClosed(t, r.ingest.Wait(t.Context()), "PROJECTS", "does not exist")
	y.createStream(upstream.Projects)
	requireClosed(t, r.ingest.Wait(t.Context()), "INVOICES", "does not exist")
	eventually(t, "one is missing", func() bool { return r.count("clients_source_missing") == 1 })
	y.publish(project("Created", 7, `"client_id":1`))
	y.createStream(upstream.Invoices)
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
	eventually(t, "none is missing", func() bool { return r.count("clients_source_missing") == 0 })
	y.deleteStream(upstream.Projects)
	requireClosed(t, r.ingest.Wait(t.Context()), "PROJECTS", "does not exist")
	require.Equal(t, domain.References{ActiveProjects: 1}, r.directory.State(acme, one).References, "what was learned stays")
}

// Events may be acknowledged by another stream if PROJECTS does not receive them.
func TestTheReadBarrierFailsWhileAStreamHasOtherSubjects(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	r.deleteStream(upstream.Projects)
	config := jetstream.StreamConfig{Name: upstream.Projects.Name, Subjects: []string{"project.>"}}
	_, err := r.js.CreateStream(t.Context(), config)
	require.NoError(t, err)
	requireClosed(t, r.ingest.Wait(t.Context()), "PROJECTS", "does not receive projects.>")
	eventually(t, "the metric reports it", func() bool { return r.count("clients_source_missing", "PROJECTS") == 1 })
	config.Subjects = append(config.Subjects, "projects.*.*")
	_, err = r.js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	r.publish(project("Created", 7, `"client_id":1`))
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
	eventually(t, "the metric reports that it is there", func() bool { return r.count("clients_source_missing") == 0 })
}

func TestTheReadBarrierWaitsUntilMessagesAreRecorded(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	r := oneReplica(t, func(i *ingest.Ingest) {
		i.Intercept(func(h message.HandlerFunc) message.HandlerFunc {
			return func(msg *message.Message) ([]*message.Message, error) {
				<-open
				return h(msg)
			}
		})
	})
	one := r.createClient()
	require.NoError(t, r.ingest.Wait(t.Context()), "there is nothing to wait for")
	r.publish(project("Created", 7, `"client_id":1`))
	requireClosed(t, r.ingest.Wait(briefly(t)), "PROJECTS", "has not been read to its end")
	close(open)
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
	require.Positive(t, testCountOf(r, "clients_fence_duration_seconds"))
}

// testCountOf returns the number of observations of a histogram.
func testCountOf(r *replica, name string) (count uint64) {
	families, err := r.registry.Gather()
	require.NoError(r.t, err)
	for _, family := range families {
		if family.GetName() == name {
			for _, metric := range family.GetMetric() {
				count += metric.GetHistogram().GetSampleCount()
			}
		}
	}
	return count
}

func TestTheReadBarrierFailsWhileNATSDoesNotRespond(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.awaitIngested()
	r.cluster.Stop(0)
	requireClosed(t, r.ingest.Wait(briefly(t)), "event store", "cannot be reached")
	r.cluster.Restart(t, 0)
	eventually(t, "the barrier is passed", func() bool { return r.ingest.Wait(r.deadline()) == nil })
}

func TestAPurgeOfTheStreamsChangesNothing(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	r.publish(project("Created", 7, `"client_id":1`), invoice("Created", 7, `"client_id":1`))
	r.awaitIngested()
	r.purge(upstream.Projects)
	r.purge(upstream.Invoices)
	begun := time.Now()
	require.Equal(t, domain.References{ActiveProjects: 1, Invoices: 1}, r.references(one))
	require.Less(t, time.Since(begun), 5*time.Second) // for which a command waits
	r.publish(project("Deleted", 7, ""))
	require.Equal(t, domain.References{Invoices: 1}, r.references(one))
	require.InDelta(t, 0, r.count("clients_source_expired_total"), 0)
}

func TestMessagesDeletedUnreadAreCountedOnce(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	first := y.replica(0)
	one := first.createClient()
	y.publish(project("Created", 1, `"client_id":1`))
	first.awaitIngested()
	first.stop()
	y.publish(project("Created", 2, `"client_id":1`), project("Created", 3, `"client_id":1`))
	y.purge(upstream.Projects)
	second := y.replica(0)
	begun := time.Now()
	require.Equal(t, domain.References{ActiveProjects: 1}, second.references(one))
	require.Less(t, time.Since(begun), 5*time.Second)
	eventually(t, "both are counted", func() bool { return second.count("clients_source_expired_total", "PROJECTS") == 2 })
	second.stop()
	third := y.replica(0)
	y.publish(project("Created", 4, `"client_id":1`))
	require.Equal(t, domain.References{ActiveProjects: 2}, third.references(one))
	require.InDelta(t, 0, third.count("clients_source_expired_total"), 0, "it was counted once")
}

func TestARecreatedStreamIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one, two := r.createClient(), r.createClient()
	m := project("Created", 7, `"client_id":1`)
	r.publish(m, project("Created", 8, `"client_id":1`), project("Created", 9, `"client_id":1`))
	r.awaitIngested()
	for range 3 {
		r.deleteStream(upstream.Projects)
		r.createStream(upstream.Projects)
		r.publish(clone(m), project("Updated", 8, `"client_id":2`))
		require.Equal(t, domain.References{ActiveProjects: 2}, r.references(one), "the old event is a repeat")
		require.Equal(t, domain.References{ActiveProjects: 1}, r.references(two), "and sequence 2 is not taken for an old one")
		r.publish(project("Updated", 8, `"client_id":1`))
		require.Equal(t, domain.References{ActiveProjects: 3}, r.references(one))
	}
}
