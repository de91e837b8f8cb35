package kubernetes

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

// teams are the users of other teams.
var teams = []string{"projects", "invoices", "subscriber"}

// startWithClients starts a server with the streams and one event of a client.
func startWithClients(t *testing.T) *server.Server {
	t.Helper()
	s := startNATS(t)
	out, err := run(t, urlFor(s, "admin"), "setup", "--sources")
	require.NoError(t, err, out)
	service := serve(t, urlFor(s, "clients"))
	require.Equal(t, 201, service.send(t, "POST", "/clients", `{"client":{"name":"SuprCorp"}}`))
	service.stop(t)
	return s
}

func TestATeamPublishesItsOwnEventsAlone(t *testing.T) {
	s := startWithClients(t)
	for _, user := range append([]string{"clients"}, teams...) {
		nc, _ := connect(t, s, user)
		for subject, owner := range map[string]string{
			"clients.default.1": "clients", "client-references.default.1": "clients", "client-ids": "clients", "clients-control.quarantine.retry": "clients",
			"clients-quarantine.x": "clients", "$KV.CLIENTS_KEYS.x": "clients", "$O.CLIENTS_SNAPSHOTS.M.x": "clients",
			"projects.default.1": "projects", "invoices.default.1": "invoices",
			"_INBOX.x": "admin", "_INBOX_clients.x": "admin", "_INBOX_projects.x": "admin", "$SYS.REQ.SERVER.PING": "admin",
		} {
			require.Equal(t, user == owner, allowed(t, nc, subject), "%s publishes to %s", user, subject)
		}
	}
}

// A team's consumer is called as its user is. It may do all with it: make, look at, read, confirm, delete.
func TestATeamHasAConsumer(t *testing.T) {
	s := startWithClients(t)
	for _, user := range teams {
		nc, js := connect(t, s, user)
		consumer, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: user, FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy})
		require.NoError(t, err, user)
		readsOne(t, consumer)
		again, err := js.Consumer(t.Context(), "CLIENTS", user)
		require.NoError(t, err, user)
		require.Zero(t, again.CachedInfo().NumAckPending)
		_, err = js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: user, FilterSubject: "clients.default.>", AckPolicy: jetstream.AckExplicitPolicy})
		require.NoError(t, err, user)
		require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", user), user)

		pushed := make(chan struct{}, 1)
		push, err := js.CreateOrUpdatePushConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{
			Durable: user, FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy, DeliverSubject: nc.NewInbox(), FlowControl: true, IdleHeartbeat: time.Second,
		})
		require.NoError(t, err, user)
		reading, err := push.Consume(func(msg jetstream.Msg) { _ = msg.DoubleAck(t.Context()); pushed <- struct{}{} })
		require.NoError(t, err, user)
		select {
		case <-pushed:
		case <-time.After(5 * time.Second):
			require.Fail(t, "nothing came", user)
		}
		reading.Stop()
		require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", user), user)
		require.True(t, allowed(t, nc, "$JS.FC.CLIENTS."+user+".x"), user)

		for _, filter := range []string{"client-references.>", ""} {
			_, err := js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: user, FilterSubject: filter})
			require.Error(t, err, "%s reads %q", user, filter)
		}
		require.False(t, allowed(t, nc, "$JS.API.STREAM.MSG.GET.CLIENTS"), user)
		for _, call := range []string{"CONSUMER.LIST.CLIENTS", "CONSUMER.NAMES.CLIENTS", "STREAM.LIST", "STREAM.NAMES", "DIRECT.GET.CLIENTS.client-references.>", "DIRECT.GET.CLIENTS"} {
			require.False(t, allowed(t, nc, "$JS.API."+call), "%s: %s", user, call)
		}
	}
}

func readsOne(t *testing.T, consumer jetstream.Consumer) {
	t.Helper()
	msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
	require.NoError(t, err)
	require.Equal(t, "clients.default.1", msg.Subject())
	require.NoError(t, msg.DoubleAck(t.Context()))
}

// Nobody takes another team's messages, confirms them for it, or alters what it reads.
func TestATeamKeepsOffTheConsumersOfOthers(t *testing.T) {
	s := startWithClients(t)
	for _, owner := range []string{"projects", "invoices"} {
		_, js := connect(t, s, owner)
		_, err := js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: owner, FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy})
		require.NoError(t, err)
		for _, user := range teams {
			nc, _ := connect(t, s, user)
			for _, subject := range []string{
				"$JS.API.CONSUMER.CREATE.CLIENTS." + owner + ".clients.>", "$JS.API.CONSUMER.CREATE.CLIENTS." + owner,
				"$JS.API.CONSUMER.DURABLE.CREATE.CLIENTS." + owner, "$JS.API.CONSUMER.INFO.CLIENTS." + owner, "$JS.API.CONSUMER.MSG.NEXT.CLIENTS." + owner,
				"$JS.API.CONSUMER.PAUSE.CLIENTS." + owner, "$JS.API.CONSUMER.DELETE.CLIENTS." + owner,
				"$JS.ACK.CLIENTS." + owner + ".1.1.1.1.0", "$JS.FC.CLIENTS." + owner + ".x",
			} {
				if user != owner {
					require.False(t, allowed(t, nc, subject), "%s: %s", user, subject)
				}
			}
		}
	}
	for _, user := range []string{"projects", "invoices"} {
		nc, _ := connect(t, s, user)
		for _, name := range []string{"subscriber", "random"} {
			require.False(t, allowed(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS."+name+".clients.>"), user)
			require.False(t, allowed(t, nc, "$JS.API.CONSUMER.MSG.NEXT.CLIENTS."+name), user)
		}
	}
}

// A subscriber may have an ordered consumer, whose name is random, of both of the client library's kinds.
func TestASubscriberReadsInOrder(t *testing.T) {
	s := startWithClients(t)
	nc, js := connect(t, s, "subscriber")
	ordered, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
	require.NoError(t, err)
	msg, err := ordered.Next(jetstream.FetchMaxWait(5 * time.Second))
	require.NoError(t, err)
	require.Equal(t, "clients.default.1", msg.Subject())

	old, err := nc.JetStream()
	require.NoError(t, err)
	sub, err := old.SubscribeSync("clients.>", nats.OrderedConsumer(), nats.BindStream("CLIENTS"))
	require.NoError(t, err)
	_, err = sub.NextMsg(5 * time.Second)
	require.NoError(t, err)
	require.NoError(t, sub.Unsubscribe())
	require.NoError(t, nc.LastError())
}

func TestTheExampleSubscriberIsAllowedWhatItNeeds(t *testing.T) {
	s := startWithClients(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "run", "-C", "../..", "./cmd/example-subscriber", "--nats-url", urlFor(s, "subscriber"),
		"--inbox-prefix", "_INBOX_subscriber", "--copy", t.TempDir()+"/copy.json", "--once")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "1 clients.v1.ClientCreated default 1")
}
