//go:build upgrade

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// previousUsers is the configuration that accounts.conf replaced: all users in one account, with permissions.
var previousUsers = flag.String("previous-users", "", "path of users.conf of the release before")

// Three NATS servers get the new accounts one by one, as in a rolling update of a StatefulSet. The service of the previous
// release and the new one continue side by side, and so do partners that publish and read.
func TestUpgradeOfNATSToAccounts(t *testing.T) {
	require.NotEmpty(t, *previousUsers, "-previous-users is missing")
	servers := natstest.Run(t, 3, withAccounts(t, *previousUsers))
	setUpByPrevious(t, []string{"CLIENTS_NATS_URL=" + as("admin", servers.URL())})
	variables := []string{"CLIENTS_NATS_URL=" + as("clients", servers.URL())}
	replicas := []*service{startReplica(t, *previous, variables), startReplica(t, binary, variables)}
	first := replicas[0].createOnce("first")

	projects := startPartner(t, servers, "projects")
	invoices := startPartner(t, servers, "invoices")
	reader := startReader(t, startPartner(t, servers, "subscriber"))
	durable := jetstream.ConsumerConfig{Durable: "projects", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy}
	consumer, err := projects.js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", durable)
	require.NoError(t, err)
	awaitMessage(t, consumer, first)
	pushed := jetstream.ConsumerConfig{
		Durable: "invoices", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy, DeliverSubject: invoices.nc.NewInbox(),
	}
	_, err = invoices.js.CreateOrUpdatePushConsumer(t.Context(), "CLIENTS", pushed)
	require.NoError(t, err)

	var created []int64
	for i := range servers.Servers {
		servers.Stop(i)
		servers.Change(i, withAccounts(t, deployedAccounts))
		servers.Restart(t, i)
		awaitCurrent(t, servers)
		for _, s := range replicas {
			id := createWhenPossible(t, s)
			created = append(created, id)
			projects.publishWhenPossible(t, id)
			for _, other := range replicas { // the project is known through either
				eventually(t, func() bool {
					return other.do(http.MethodDelete, path(id), "").status == http.StatusBadRequest
				}, "client %d has a project", id)
			}
			reader.await(t, id)
		}
	}
	for _, s := range replicas {
		for _, id := range created {
			s.want(http.StatusOK, http.MethodGet, path(id), "")
		}
	}

	// A durable pull consumer continues where it was.
	eventually(t, func() bool {
		consumer, err = projects.js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", durable)
		return err == nil
	}, "the service of the new release takes over the consumer: %v", &err)
	awaitMessage(t, consumer, created[0])

	// A push consumer receives nothing any more. It is deleted, and a pull consumer begins after its position.
	var was jetstream.PushConsumer
	eventually(t, func() bool { // a consumer whose leader is being elected does not respond
		was, err = invoices.js.PushConsumer(t.Context(), "CLIENTS", "invoices")
		return err == nil
	}, "the push consumer is there: %v", &err)
	require.False(t, was.CachedInfo().PushBound)
	require.NoError(t, invoices.js.DeleteConsumer(t.Context(), "CLIENTS", "invoices"))
	_, err = invoices.js.CreateOrUpdatePushConsumer(t.Context(), "CLIENTS", pushed)
	require.ErrorContains(t, err, "push consumers are not allowed")
	pull, err := invoices.js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{
		Durable: "invoices", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: was.CachedInfo().AckFloor.Stream + 1,
	})
	require.NoError(t, err)
	awaitMessage(t, pull, first) // it had acknowledged nothing
	verify := run(t, []string{"CLIENTS_NATS_URL=" + as("admin", servers.URL())}, "verify")
	require.Zero(t, verify.code, verify.stdout)
}

// partner is another service, with a connection that reconnects when a server ends.
type partner struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// startPartner connects with the prefix of inboxes that the configuration before demanded.
func startPartner(t *testing.T, servers *natstest.Cluster, user string) *partner {
	t.Helper()
	nc, js := connect(t, as(user, servers.URL()), nats.CustomInboxPrefix("_INBOX_"+user), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	return &partner{nc, js}
}

func (p *partner) publishWhenPossible(t *testing.T, client int64) {
	t.Helper()
	m := &nats.Msg{Subject: fmt.Sprintf("projects.default.%d", client), Data: fmt.Appendf(nil, `{"id":%d,"client_id":%d}`, client, client), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprint(client)}, "ce-type": {"projects.v1.ProjectCreated"},
	}}
	eventually(t, func() bool {
		_, err := p.js.PublishMsg(t.Context(), m)
		return err == nil
	}, "project of client %d", client)
}

func createWhenPossible(t *testing.T, s *service) (id int64) {
	t.Helper()
	eventually(t, func() bool {
		r, err := s.send(http.MethodPost, "/clients", `{"client":{"name":"rolled"}}`, asJSON)
		if err != nil || r.status != http.StatusCreated {
			return false
		}
		id = r.id(t)
		return true
	}, "a client is created")
	return id
}

// awaitCurrent waits until every server has caught up, as the startup probe does.
func awaitCurrent(t *testing.T, servers *natstest.Cluster) {
	t.Helper()
	eventually(t, func() bool {
		for _, s := range servers.Servers {
			if !s.JetStreamIsCurrent() {
				return false
			}
		}
		return true
	}, "the servers are current")
}

// awaitMessage reads and acknowledges messages until one is of a client.
func awaitMessage(t *testing.T, consumer jetstream.Consumer, client int64) {
	t.Helper()
	eventually(t, func() bool {
		m, err := consumer.Next(jetstream.FetchMaxWait(time.Second))
		return err == nil && m.Ack() == nil && m.Subject() == fmt.Sprintf("clients.default.%d", client)
	}, "an event of client %d", client)
}

// reader reads all events in order, as cmd/example-subscriber does.
type reader struct {
	mu   sync.Mutex
	seen map[string]bool
}

func startReader(t *testing.T, p *partner) *reader {
	t.Helper()
	r := &reader{seen: make(map[string]bool)}
	go func() {
		for t.Context().Err() == nil {
			r.read(t.Context(), p.js)
		}
	}()
	return r
}

// read reads from the beginning until its consumer has ended for good, as it may when servers restart: then requests fail, or
// nothing responds.
func (r *reader) read(ctx context.Context, js jetstream.JetStream) {
	consumer, err := js.OrderedConsumer(ctx, "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
	if err != nil {
		return
	}
	for failures := 0; failures < 10 && ctx.Err() == nil; {
		m, err := consumer.Next(jetstream.FetchMaxWait(time.Second))
		if failures++; err == nil {
			failures = 0
			r.mu.Lock()
			r.seen[m.Subject()] = true
			r.mu.Unlock()
		}
	}
}

func (r *reader) await(t *testing.T, client int64) {
	t.Helper()
	eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.seen[fmt.Sprintf("clients.default.%d", client)]
	}, "the subscriber reads client %d", client)
}
