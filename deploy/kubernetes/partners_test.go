package kubernetes_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// partners are the users of other services.
var partners = []string{"projects", "invoices", "subscriber"}

// deployment is NATS as the overlay demo configures it, with all streams, and a running service with one client.
type deployment struct {
	servers []*server.Server
	service *service
}

func (d *deployment) server() *server.Server { return d.servers[0] }

func deploy(t *testing.T, servers ...*server.Server) *deployment {
	t.Helper()
	out, err := run(t, urlFor("admin", servers...), "setup", "--sources")
	require.NoError(t, err, out)
	d := &deployment{servers, serve(t, urlFor("clients", servers...))}
	require.Eventually(t, func() bool { // servers that have just formed a cluster may elect leaders again
		return d.service.send(t, "POST", "/clients", `{"client":{"name":"SuprCorp"}}`, "Idempotency-Key: first") == 201
	}, 30*time.Second, 10*time.Millisecond)
	return d
}

// onEach runs a test on one server and on three.
func onEach(t *testing.T, test func(t *testing.T, d *deployment)) {
	t.Run("one server", func(t *testing.T) { test(t, deploy(t, startNATS(t))) })
	t.Run("three servers", func(t *testing.T) { test(t, deploy(t, startCluster(t, "demo")...)) })
}

// A partner reads with ordered, ephemeral and durable consumers, without special options of its connection.
func TestPartnersRead(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		for _, user := range partners {
			nc, js := connect(t, d.server(), user)
			ordered, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
			require.NoError(t, err, user)
			requireFirst(t, ordered)
			ephemeral, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{FilterSubject: "clients.default.>"})
			require.NoError(t, err, user)
			require.NoError(t, requireFirst(t, ephemeral).DoubleAck(t.Context()))

			config := jetstream.ConsumerConfig{Durable: user, FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy}
			durable, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", config)
			require.NoError(t, err, user)
			require.NoError(t, requireFirst(t, durable).DoubleAck(t.Context()))
			config.FilterSubject = "clients.default.>"
			_, err = js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", config)
			require.NoError(t, err, user)
			again, err := js.Consumer(t.Context(), "CLIENTS", user)
			require.NoError(t, err, user)
			require.EqualValues(t, 1, again.CachedInfo().AckFloor.Consumer, user)
			require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", user), user)

			stream, err := js.Stream(t.Context(), "CLIENTS")
			require.NoError(t, err, user)
			last, err := stream.GetLastMsgForSubject(t.Context(), "clients.default.1")
			require.NoError(t, err, user)
			require.Equal(t, "clients.v1.ClientCreated", last.Header.Get("ce-type"))
			require.NoError(t, nc.LastError(), user)
		}
	})
}

// requireFirst returns the first message that a consumer delivers, which is the creation of the client.
func requireFirst(t *testing.T, consumer jetstream.Consumer) (msg jetstream.Msg) {
	t.Helper()
	require.Eventually(t, func() (delivered bool) {
		var err error
		msg, err = consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		return err == nil // in a cluster a consumer can be used only a moment after its creation
	}, 30*time.Second, 10*time.Millisecond)
	require.Equal(t, "clients.default.1", msg.Subject())
	return msg
}

func TestPartnersPublishOnlyTheirEvents(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		for _, user := range partners {
			nc, js := connect(t, d.server(), user)
			for _, source := range []string{"projects", "invoices"} {
				msg := &nats.Msg{Subject: source + ".default.1", Data: []byte(`{"id":1,"client_id":1}`), Header: nats.Header{
					"ce-specversion": {"1.0"}, "ce-id": {user}, "ce-type": {source + ".v1." + map[string]string{"projects": "ProjectCreated", "invoices": "InvoiceCreated"}[source]},
				}}
				if user != source {
					require.False(t, allowed(t, nc, msg.Subject), "%s publishes %s", user, source)
					continue
				}
				_, err := js.PublishMsg(t.Context(), msg)
				require.NoError(t, err, "%s publishes %s", user, source)
			}
		}
		require.Eventually(t, func() bool { return d.service.send(t, "DELETE", "/clients/1", "") == 400 }, 30*time.Second, 10*time.Millisecond,
			"the project and the invoice count")
	})
}

func TestExampleSubscriberRunsAsSubscriber(t *testing.T) {
	d := deploy(t, startNATS(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "run", "-C", "../..", "./cmd/example-subscriber", "--nats-url", urlFor("subscriber", d.server()),
		"--api", d.service.api, "--copy", t.TempDir()+"/copy.json", "--once")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "list up to 1\n", string(out))
}
