package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/cmd/clients/internal/e2e/workload"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faultsFor is how long the fault tests go on. A short version of them runs without it.
var faultsFor = flag.Duration("faults", 0, "how long the fault tests go on")

// places is how many NATS servers and replicas there are.
const places = 3

// site consists of replicas of the service, NATS servers, and the network between them.
type site struct {
	t        *testing.T
	network  *natstest.Network // between replicas and servers; nil where servers are processes
	servers  *natstest.Cluster // nil where servers are processes
	replicas []*replica
	nc       *nats.Conn // to the servers, past the network
	js       jetstream.JetStream
	probe    int64 // a client that is changed to find out whether writes are accepted
	probes   int
	load     *workload.Load // nil while there is none
	events   []event        // of CLIENTS, as far as they were read
	read     uint64         // the sequence up to which they were
}

// replica is a replica of the service. Its process changes when it is started again.
type replica struct {
	name    string
	url     string // of the NATS servers
	running atomic.Pointer[service]
}

func (r *replica) client() *client { return r.running.Load().client }

// newSite starts the servers and one replica after the other.
func newSite(t *testing.T) *site {
	t.Helper()
	network := natstest.NewNetwork(t)
	s := &site{t: t, network: network, servers: natstest.Run(t, places, network.Between)}
	s.begin(s.servers.URL(), func(name string) string { return network.URL(name, s.servers) })
	return s
}

// newProcessSite is newSite on servers that are processes.
func newProcessSite(t *testing.T, servers []*natstest.Process) *site {
	t.Helper()
	var urls []string
	for _, p := range servers {
		urls = append(urls, p.URL)
	}
	s := &site{t: t}
	s.begin(strings.Join(urls, ","), func(string) string { return strings.Join(urls, ",") })
	return s
}

func (s *site) begin(url string, of func(replica string) string) {
	s.t.Helper()
	s.nc, s.js = connect(s.t, url)
	setup := run(s.t, []string{"CLIENTS_NATS_URL=" + url}, "setup", "--sources")
	require.Zero(s.t, setup.code, setup.stderr)
	for i := range places {
		name := fmt.Sprintf("r%d", i+1)
		s.replicas = append(s.replicas, &replica{name: name, url: of(name)})
		s.restartReplica(i)
	}
	s.probe = s.replicas[0].client().createOnce("Probe")
}

func serverName(i int) string { return fmt.Sprintf("n%d", i+1) }

// leader returns the server that leads CLIENTS.
func (s *site) leader() (leader int) {
	s.t.Helper()
	eventually(s.t, func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		stream, err := s.js.Stream(ctx, "CLIENTS")
		if err != nil || stream.CachedInfo().Cluster == nil {
			return false
		}
		leader = slices.Index([]string{"n1", "n2", "n3"}, stream.CachedInfo().Cluster.Leader)
		return leader >= 0
	}, "CLIENTS has a leader")
	return leader
}

// killServer kills a server.
func (s *site) killServer(i int) {
	s.network.Cut(serverName(i))
	s.servers.Stop(i)
}

func (s *site) restartServer(i int) {
	s.network.Heal()
	s.servers.Restart(s.t, i)
}

func (s *site) restartReplica(i int) {
	s.t.Helper()
	r := s.replicas[i]
	next := launch(s.t, "CLIENTS_NATS_URL="+r.url)
	next.awaitReady(s.t)
	r.running.Store(next)
	if s.load != nil {
		s.load.Move(i, next.base)
	}
}

// heals waits until every replica is ready, accepts writes and returns reads without a Warning, and returns how long that
// took.
func (s *site) heals() time.Duration {
	s.t.Helper()
	begun := time.Now()
	for _, r := range s.replicas {
		eventually(s.t, func() bool {
			s.probes++
			c, name := r.running.Load(), fmt.Sprintf("Probe %d", s.probes)
			written, err := c.send(http.MethodPut, path(s.probe), `{"client":{"name":"`+name+`"}}`, asJSON)
			if err != nil || written.status != http.StatusOK {
				return false
			}
			got, err := c.send(http.MethodGet, path(s.probe)+".json", "")
			return err == nil && strings.Contains(got.body, name) && got.header.Get("Warning") == "" && c.ready()
		}, "%s heals", r.name)
	}
	return time.Since(begun)
}

// requireStoredOnce reads CLIENTS, which must hold no event twice and each client's events without a gap, and compares what
// they give with the list of every replica. It returns how many events each request led to, which is one at most.
func (s *site) requireStoredOnce() map[string]int {
	s.t.Helper()
	s.readOn()
	views := rebuild(s.t, s.events) // whose versions follow each other
	ids, requests := map[string]bool{}, map[string]int{}
	for _, e := range s.events {
		id := e.header.Get("ce-id")
		require.False(s.t, ids[id], "event %s is stored twice", id)
		ids[id] = true
		requests[e.header.Get("ce-correlationid")]++
	}
	for request, count := range requests {
		assert.Equal(s.t, 1, count, request)
	}
	for _, r := range s.replicas {
		listed := r.client().list("")
		assert.Len(s.t, listed, len(views), r.name)
		for _, v := range listed {
			v.CreatedAt, v.UpdatedAt = views[v.ID].CreatedAt, views[v.ID].UpdatedAt // which are folded across clients
			assert.Equal(s.t, views[v.ID], v, r.name)
		}
	}
	return requests
}

// readOn reads the messages since its previous call from the leader, because a consumer may miss the newest ones.
func (s *site) readOn() {
	s.t.Helper()
	var end struct {
		State struct {
			Last uint64 `json:"last_seq"`
		} `json:"state"`
	}
	s.request("STREAM.INFO.CLIENTS", "", &end)
	for s.read < end.State.Last {
		var stored struct {
			Message *struct {
				Subject string    `json:"subject"`
				Header  []byte    `json:"hdrs"`
				Data    []byte    `json:"data"`
				Time    time.Time `json:"time"`
			} `json:"message"`
		}
		s.request("STREAM.MSG.GET.CLIENTS", fmt.Sprintf(`{"seq":%d}`, s.read+1), &stored)
		require.NotNil(s.t, stored.Message, "sequence %d", s.read+1)
		s.read++
		if m := stored.Message; strings.HasPrefix(m.Subject, "clients.") {
			header, err := nats.DecodeHeadersMsg(m.Header)
			require.NoError(s.t, err)
			s.events = append(s.events, event{m.Subject, header, string(m.Data), s.read, m.Time})
		}
	}
}

// request sends a request to the JetStream API until it has a response.
func (s *site) request(call, body string, response any) {
	s.t.Helper()
	eventually(s.t, func() bool {
		reply, err := s.nc.Request("$JS.API."+call, []byte(body), time.Second)
		return err == nil && !strings.Contains(string(reply.Data), `"error"`) && json.Unmarshal(reply.Data, response) == nil
	}, call)
}

// startLoad starts callers that use a few clients through all replicas.
func (s *site) startLoad() *workload.Load {
	s.t.Helper()
	var urls []string
	for _, r := range s.replicas {
		urls = append(urls, r.client().base)
	}
	pace := func() time.Duration { return 12 * time.Millisecond }
	if *faultsFor == 0 { // hundreds of requests in each fault are enough
		pace = func() time.Duration { return 40 * time.Millisecond }
	}
	l, err := workload.Start(workload.Options{
		URLs: urls, Clients: 4, Uses: 150,
		Groups: []workload.Group{{Callers: places, Keep: true, ReadOnly: true, Pause: pace}, {Callers: 3 * places, Keep: true, Pause: pace}},
		Limit: func(kind string) time.Duration { // longer than the service takes, for a busy machine
			switch kind {
			case workload.Get:
				return 5 * time.Second
			case workload.Delete, workload.Toggle: // which wait for other services' streams
				return 15 * time.Second
			}
			return 8 * time.Second
		},
	})
	require.NoError(s.t, err)
	return l
}
