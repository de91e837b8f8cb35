package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"clients/domain"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// randomMessages returns n messages about a few clients: valid ones, poison, and duplicates.
func randomMessages(random *rand.Rand, clients int64, n int) []*nats.Msg {
	var messages []*nats.Msg
	for len(messages) < n {
		id, client := 1+random.Int64N(int64(n)/20+1), 1+random.Int64N(clients)
		switch random.IntN(24) {
		case 0, 1, 2, 3, 4, 5:
			messages = append(messages, project("Created", id, `"client_id":%d`, client))
		case 10, 11, 12:
			messages = append(messages, project("Toggled", id, `"active":%t`, random.IntN(2) == 0))
		case 13, 14, 15:
			messages = append(messages, project("Updated", id, `"client_id":%d`, client))
		case 16, 17:
			messages = append(messages, project("Deleted", id, ""))
		case 6, 7, 8:
			messages = append(messages, invoice("Created", id, `"client_id":%d,"kind":"kind %d"`, client, random.IntN(4)))
		case 18:
			messages = append(messages, invoice("Deleted", id, ""))
		case 9: // unreadable
			messages = append(messages, event("projects.v1.ProjectUpdated", fmt.Sprintf("projects.acme.%d", id), "garbage"))
		default:
			if len(messages) > 0 {
				messages = append(messages, clone(messages[random.IntN(len(messages))]))
			}
		}
	}
	return messages
}

// world returns the state of all clients once everything is ingested.
func (r *replica) world(clients int64) (all []any) {
	r.t.Helper()
	r.awaitIngested()
	require.NoError(r.t, r.directory.Refresh(r.deadline()))
	for id := range clients {
		state := r.directory.State(acme, 1+id)
		all = append(all, state.References, state.Client.LastInvoiceKind)
	}
	return all
}

// byOneReplica returns what one replica alone records of messages, on servers of its own.
func byOneReplica(t *testing.T, clients int64, messages []*nats.Msg) (world []any, quarantined int, defaults [][]domain.ClientInvoiceDefaultsChanged) {
	t.Helper()
	r := oneReplica(t)
	for range clients {
		r.createClient()
	}
	r.publish(messages...)
	world = r.world(clients)
	for id := range clients {
		defaults = append(defaults, r.defaultsOf(1+id))
	}
	return world, len(r.quarantined()), defaults
}

func TestReplicasTogetherRecordWhatOneRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		servers, replicas, messages int
		wait                        time.Duration
	}{
		"one records, one waits":     {1, 2, 200, time.Second},
		"both record":                {1, 2, 200, 0},
		"three record, three nodes":  {3, 3, 100, 0},
		"one of three, three nodes":  {3, 3, 100, time.Second},
		"both record after a moment": {1, 2, 200, 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			const clients = 5
			messages := randomMessages(rand.New(rand.NewPCG(seed, 0)), clients, c.messages)
			want, quarantined, defaults := byOneReplica(t, clients, messages)

			y := newSystem(t, c.servers)
			y.createStreams()
			var replicas []*replica
			for range c.replicas {
				replicas = append(replicas, y.replica(c.wait))
			}
			for range clients {
				replicas[0].createClient()
			}
			y.publish(messages...)
			for _, r := range replicas {
				require.Equal(t, want, r.world(clients))
			}
			eventually(t, "all dead letters are listed", func() bool { // a leader that was just replaced lists fewer
				return len(replicas[0].quarantined()) == quarantined
			})
			eventually(t, "each dead letter is counted once", func() bool { // behind its acknowledgement
				counted := 0.0
				for _, r := range replicas {
					counted += r.count("clients_quarantined_total")
				}
				return counted == float64(quarantined)
			})
			for id := range defaults {
				require.Equal(t, defaults[id], replicas[0].defaultsOf(int64(1+id)))
			}
		})
	}
}

func TestTwoThousandMessagesMatchANaiveModel(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const clients = 5
	messages := randomMessages(rand.New(rand.NewPCG(seed, 0)), clients, 2000)
	y := newSystem(t, 1)
	y.createStreams()
	a, b := y.replica(time.Second), y.replica(time.Second)
	naive := newNaiveModel()
	for range clients {
		a.createClient()
	}
	for _, m := range messages {
		naive.read(m, clients)
	}
	y.publish(messages...)
	for _, r := range []*replica{a, b} {
		r.awaitIngested()
		for id := range int64(clients) {
			require.Equal(t, naive.references(1+id), r.directory.State(acme, 1+id).References)
		}
	}
}

// A restart records nothing: everything is on record.
func TestARestartRecordsNothingTwice(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	first := y.replica(0)
	first.createClient()
	y.publish(randomMessages(rand.New(rand.NewPCG(1, 1)), 1, 200)...)
	want := first.world(1)
	before, err := first.store.LastSequence(y.deadline())
	require.NoError(t, err)
	first.stop()
	second := y.replica(0)
	require.Equal(t, want, second.world(1))
	y.publish(project("Created", 10_000, `"client_id":1`))
	second.awaitIngested()
	after, err := second.store.LastSequence(y.deadline())
	require.NoError(t, err)
	require.Equal(t, before+1, after)
}

func TestAnotherReplicaTakesOverWhenTheRecordingOneStops(t *testing.T) {
	t.Parallel()
	const wait = 2 * time.Second // so long that the one which records is not late
	y := newSystem(t, 1)
	y.createStreams()
	a := y.replica(wait)
	one := a.createClient()
	y.publish(project("Created", 1, `"client_id":1`))
	a.awaitIngested()
	b := y.replica(wait)
	for n := range int64(20) {
		y.publish(project("Created", 2+n, `"client_id":1`))
	}
	require.Equal(t, domain.References{ActiveProjects: 21}, b.references(one))
	for _, record := range b.stored() {
		if record.Reference != nil {
			require.Equal(t, a.name, record.Reference.Replica, "one records, the other waits for it")
		}
	}
	a.stop()
	y.publish(project("Created", 100, `"client_id":1`))
	begun := time.Now()
	require.Equal(t, domain.References{ActiveProjects: 22}, b.references(one))
	took := time.Since(begun)
	require.Less(t, took, wait+10*time.Second)
	require.Greater(t, took, wait/2)
	begun = time.Now()
	y.publish(project("Deleted", 100, ""))
	require.Equal(t, domain.References{ActiveProjects: 21}, b.references(one))
	require.Less(t, time.Since(begun), wait, "it records now, and does not wait")
	require.Empty(t, b.quarantined())
}
