package ingest

import (
	"sync"
	"testing"
	"time"

	"clients/domain"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"
)

// sayThroughOutages publishes projects of client 1, and two bad messages, while the servers come and go.
func sayThroughOutages(y *system, outages func(said <-chan int)) (projects int) {
	const n = 60
	said := make(chan int, n)
	var saying sync.WaitGroup
	saying.Go(func() {
		defer close(said)
		for id := range int64(n) {
			y.insist(project("Created", 1+id, `"client_id":1`))
			if id%25 == 5 {
				y.insist(event("projects.v1.ProjectForgotten", "projects.acme.1000", `{}`))
			}
			said <- int(id)
		}
	})
	outages(said)
	saying.Wait()
	return n
}

func TestNothingIsLostWhenTheServerRestarts(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.makeSources()
	r := y.replica(0)
	one := r.client()
	projects := sayThroughOutages(y, func(said <-chan int) {
		for n := range said {
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

func TestNothingIsLostWhenANodeOfAClusterRestarts(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 3)
	y.makeSources()
	a, b := y.replica(200*time.Millisecond), y.replica(200*time.Millisecond)
	one := a.client()
	projects := sayThroughOutages(y, func(said <-chan int) {
		for n := range said {
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

// quarantinedEvents are the ids of the events in quarantine: who has no answer publishes an event once more.
func (r *replica) quarantinedEvents() map[string]bool {
	r.t.Helper()
	events := map[string]bool{}
	for _, q := range r.quarantined() {
		events[q.Message.Header.Get("ce-id")] = true
	}
	return events
}

// Messages that were read and not recorded when the connection was lost are read again.
func TestWhatWasUnderWayWhenTheServerWentIsRecordedWhenItIsBack(t *testing.T) {
	t.Parallel()
	var gate sync.RWMutex
	r := alone(t, func(i *Ingest) {
		i.router.AddMiddleware(func(h message.HandlerFunc) message.HandlerFunc {
			return func(msg *message.Message) ([]*message.Message, error) {
				gate.RLock()
				defer gate.RUnlock()
				return h(msg)
			}
		})
	})
	one := r.client()
	r.settled()
	for round := range int64(2) {
		r.insist(event("projects.v1.ProjectForgotten", "projects.acme.1000", `{}`)) // the connection is back
		gate.Lock()
		for id := range int64(20) {
			r.say(project("Created", 1+20*round+id, `"client_id":1`))
		}
		eventually(t, "messages are under way", func() bool { return r.count("clients_source_read_sequence", "PROJECTS") > float64(20*round) })
		r.cluster.Stop(0)
		gate.Unlock()
		r.cluster.Restart(t, 0)
		eventually(t, "the barrier is passed", func() bool { return r.ingest.Wait(r.deadline()) == nil })
		require.Equal(t, domain.References{ActiveProjects: int(20 * (round + 1))}, r.references(one))
	}
}
