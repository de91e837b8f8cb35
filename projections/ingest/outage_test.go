package ingest_test

import (
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/projections/ingest"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"
)

// publishThroughOutages publishes projects of client 1 and three poison messages while servers restart.
func publishThroughOutages(y *system, outages func(published <-chan int)) (projects int) {
	const n = 60
	published := make(chan int, n)
	var publishing sync.WaitGroup
	publishing.Go(func() {
		defer close(published)
		for id := range int64(n) {
			y.publishWithRetry(project("Created", 1+id, `"client_id":1`))
			if id%25 == 5 {
				y.publishWithRetry(event("projects.v1.ProjectForgotten", "projects.acme.1000", `{}`))
			}
			published <- int(id)
		}
	})
	outages(published)
	publishing.Wait()
	return n
}

func TestNothingIsLostWhenTheServerRestarts(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	r := y.replica(0)
	one := r.createClient()
	projects := publishThroughOutages(y, func(published <-chan int) {
		for n := range published {
			if n%20 == 10 {
				y.cluster.Stop(0)
				y.cluster.Restart(t, 0)
			}
		}
	})
	eventually(t, "the barrier is passed", func() bool { return r.ingest.Wait(y.deadline()) == nil })
	require.Equal(t, domain.References{ActiveProjects: projects}, r.references(one))
	require.Len(t, r.quarantinedEvents(), 3)
}

func TestNothingIsLostWhenAServerOfThreeRestarts(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 3)
	y.createStreams()
	a, b := y.replica(200*time.Millisecond), y.replica(200*time.Millisecond)
	one := a.createClient()
	projects := publishThroughOutages(y, func(published <-chan int) {
		for n := range published {
			if n == 20 { // the one that replicas and publisher are connected to
				y.cluster.Stop(0)
				y.cluster.Restart(t, 0)
			}
		}
	})
	for _, r := range []*replica{a, b} {
		eventually(t, "the barrier is passed", func() bool { return r.ingest.Wait(y.deadline()) == nil })
		require.Equal(t, domain.References{ActiveProjects: projects}, r.references(one))
	}
	require.Len(t, a.quarantinedEvents(), 3)
}

// quarantinedEvents returns the ids of the events among the dead letters. One may be there twice: a publisher without an acknowledgement repeats it.
func (r *replica) quarantinedEvents() map[string]bool {
	r.t.Helper()
	events := map[string]bool{}
	for _, q := range r.quarantined() {
		events[q.Message.Header.Get("ce-id")] = true
	}
	return events
}

// Messages that were read and not recorded when the connection was lost are read again.
func TestMessagesInFlightDuringARestartAreRecorded(t *testing.T) {
	t.Parallel()
	var gate sync.RWMutex
	r := oneReplica(t, func(i *ingest.Ingest) {
		i.Intercept(func(h message.HandlerFunc) message.HandlerFunc {
			return func(msg *message.Message) ([]*message.Message, error) {
				gate.RLock()
				defer gate.RUnlock()
				return h(msg)
			}
		})
	})
	one := r.createClient()
	r.awaitIngested()
	for round := range int64(2) {
		r.publishWithRetry(event("projects.v1.ProjectForgotten", "projects.acme.1000", `{}`)) // the connection is back
		gate.Lock()
		for id := range int64(20) {
			r.publish(project("Created", 1+20*round+id, `"client_id":1`))
		}
		eventually(t, "messages are under way", func() bool { return r.count("clients_source_read_sequence", "PROJECTS") > float64(20*round) })
		r.cluster.Stop(0)
		gate.Unlock()
		r.cluster.Restart(t, 0)
		eventually(t, "the barrier is passed", func() bool { return r.ingest.Wait(r.deadline()) == nil })
		require.Equal(t, domain.References{ActiveProjects: int(20 * (round + 1))}, r.references(one))
	}
}
