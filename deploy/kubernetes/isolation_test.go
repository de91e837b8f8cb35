package kubernetes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Of the messages that a partner publishes, only its own events and the requests it may send reach the account of the streams.
func TestMessagesOfPartnersThatReachTheStreams(t *testing.T) {
	d := deploy(t, startNATS(t))
	d.service.stop(t) // it would copy invalid events to the dead letters
	admin, _ := connect(t, d.server(), "admin")
	arrived := make(chan *nats.Msg, 1<<16)
	_, err := admin.ChanSubscribe(">", arrived)
	require.NoError(t, err)
	require.NoError(t, admin.Flush())
	for _, user := range partners {
		nc, _ := connect(t, d.server(), user)
		served := "clients-partners." + user // the service lists streams, and deletes the partner's consumers
		expected := []string{
			served + ".stream.names", served + ".consumer.create.x.client-references.>", served + ".consumer.delete.x", served + ".consumer.delete." + user,
		}
		for _, subject := range subjects() {
			require.NoError(t, nc.PublishRequest(subject, "nowhere", []byte("from "+user)))
			if reachable(user, subject) {
				expected = append(expected, subject)
			}
		}
		require.NoError(t, nc.Flush())
		require.NoError(t, admin.Flush())
		require.ElementsMatch(t, expected, payloads(arrived, "from "+user), user)
	}
}

// subjects returns subjects of the service, of every partner and of JetStream's API, with names of streams and consumers.
func subjects() (all []string) {
	all = []string{
		"clients.default.1", "client-references.default.1", "client-ids", "clients-control.quarantine.retry", "clients-quarantine.x", "x",
		"$KV.CLIENTS_KEYS.x", "$O.CLIENTS_SNAPSHOTS.M.x", "projects.default.1", "invoices.default.1", "$JS.API.INFO", "$JS.FC.CLIENTS.x",
		"$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.ACCOUNT.PURGE.CLIENTS",
		"$JS.API.STREAM.DELETE.CLIENTS.x", "$JS.API.CONSUMER.CREATE.CLIENTS.x.client-references.>", "$JS.API.CONSUMER.CREATE.PROJECTS.x", "_R_.x", "_INBOX_clients.x",
		"clients-partners.projects.stream.info.CLIENTS", "clients-partners.invoices.consumer.create.x", "clients-partners.subscriber.consumer.create.x",
	}
	for _, stream := range append([]string{"PROJECTS", "INVOICES"}, ownStreams...) {
		for _, call := range []string{"DELETE", "PURGE", "UPDATE", "CREATE", "MSG.DELETE", "MSG.GET", "RESTORE", "SNAPSHOT", "LEADER.STEPDOWN", "PEER.REMOVE"} {
			all = append(all, "$JS.API.STREAM."+call+"."+stream)
		}
		for _, call := range []string{"LIST", "NAMES"} {
			all = append(all, "$JS.API.CONSUMER."+call+"."+stream)
		}
		all = append(all, "$JS.API.DIRECT.GET."+stream, "$JS.API.DIRECT.GET."+stream+".clients.default.1", "$JS.API.DIRECT.GET."+stream+".client-ids")
		for _, name := range append([]string{"x"}, partners...) {
			for _, call := range []string{"INFO", "DELETE", "MSG.NEXT", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"} {
				all = append(all, "$JS.API.CONSUMER."+call+"."+stream+"."+name)
			}
			all = append(all, "$JS.ACK."+stream+"."+name+".1.1.1.1.0")
		}
	}
	return all
}

// reachable reports whether a partner's message on a subject has to arrive in the account of the streams, on that subject.
func reachable(user, subject string) bool {
	if subject == user+".default.1" || subject == "$JS.API.INFO" || subject == "$JS.API.DIRECT.GET.CLIENTS.clients.default.1" {
		return true
	}
	for _, name := range []string{"x", user} {
		if slices.Contains([]string{
			"$JS.API.CONSUMER.INFO.CLIENTS." + name, "$JS.API.CONSUMER.MSG.NEXT.CLIENTS." + name,
			"$JS.ACK.CLIENTS." + name + ".1.1.1.1.0",
		}, subject) {
			return true
		}
	}
	return false
}

// payloads returns the distinct subjects of the messages that arrived with a payload.
func payloads(arrived chan *nats.Msg, payload string) (subjects []string) {
	for {
		select {
		case m := <-arrived:
			if string(m.Data) == payload && !slices.Contains(subjects, m.Subject) {
				subjects = append(subjects, m.Subject)
			}
		case <-time.After(200 * time.Millisecond): // messages that the server handled before the flush arrive at once
			return subjects
		}
	}
}

// A partner cannot use the durable consumer of another one, because its name is denied to it.
func TestPartnersCannotUseDurableConsumersOfOthers(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		_, admin := connect(t, d.server(), "admin")
		for _, owner := range partners {
			_, js := connect(t, d.server(), owner)
			consumer, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: owner, FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy})
			require.NoError(t, err)
			requireFirst(t, consumer)
		}
		for _, owner := range partners {
			for _, user := range partners {
				if user == owner {
					continue
				}
				nc, js := connect(t, d.server(), user)
				for _, subject := range []string{
					"$JS.API.CONSUMER.CREATE.CLIENTS." + owner + ".clients.>", "$JS.API.CONSUMER.CREATE.CLIENTS." + owner,
					"$JS.API.CONSUMER.DURABLE.CREATE.CLIENTS." + owner, "$JS.API.CONSUMER.INFO.CLIENTS." + owner, "$JS.API.CONSUMER.MSG.NEXT.CLIENTS." + owner,
					"$JS.API.CONSUMER.DELETE.CLIENTS." + owner, "$JS.ACK.CLIENTS." + owner + ".1.1.1.1.0",
				} {
					require.False(t, allowed(t, nc, subject), "%s: %s", user, subject)
				}
				_, err := js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: user + "-2", FilterSubject: "clients.>"})
				require.ErrorContains(t, err, "a durable consumer is named as its login is", "others could guess its name")
				for _, name := range []string{owner, "short"} { // a name in the body alone, which permissions do not cover
					create := fmt.Sprintf(`{"stream_name":"CLIENTS","config":{"name":%q,"filter_subject":"clients.>"}}`, name)
					response, err := nc.Request("$JS.API.CONSUMER.CREATE.CLIENTS", []byte(create), 5*time.Second)
					require.NoError(t, err)
					require.Contains(t, string(response.Data), "the subject lacks the consumer's name", "%s: %s", user, name)
				}
			}
			consumer, err := admin.Consumer(t.Context(), "CLIENTS", owner)
			require.NoError(t, err)
			require.Equal(t, 1, consumer.CachedInfo().NumAckPending, owner)
			require.EqualValues(t, 1, consumer.CachedInfo().Delivered.Consumer, owner)
		}
	})
}

// A short name of an ephemeral consumer, which others could guess, is extended by random characters.
func TestPartnersCannotGuessEphemeralConsumersOfOthers(t *testing.T) {
	d := deploy(t, startNATS(t))
	_, js := connect(t, d.server(), "projects")
	own, err := js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Name: "reader", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	require.Regexp(t, `^reader-[0-9A-Z]{26}$`, own.CachedInfo().Name)
	other, _ := connect(t, d.server(), "invoices")
	_, err = other.Request("$JS.API.CONSUMER.MSG.NEXT.CLIENTS.reader", nil, time.Second)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	requireFirst(t, own)
	require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", own.CachedInfo().Name))
}

// While servers change to accounts one by one, one without them may create an ordered consumer and end before it responds. The
// client repeats the request, with the same name, to one with accounts. No partner takes over a consumer whose name it can guess.
func TestPartnersRepeatCreationsFromBeforeAccounts(t *testing.T) {
	d := deploy(t, startNATS(t))
	_, admin := connect(t, d.server(), "admin")
	_, js := connect(t, d.server(), "projects")
	ordered := jetstream.ConsumerConfig{Name: "VPgqpTmZKJ0yTDCoSJYAWi_4", FilterSubject: "clients.>", AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: time.Minute}
	durable := jetstream.ConsumerConfig{Durable: "projects-in-production-1", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy}
	for _, config := range []jetstream.ConsumerConfig{ordered, durable} {
		_, err := admin.CreateConsumer(t.Context(), "CLIENTS", config)
		require.NoError(t, err)
	}
	consumer, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", ordered)
	require.NoError(t, err)
	requireFirst(t, consumer)
	durable.Name, durable.Durable = durable.Durable, ""
	_, err = js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", durable)
	require.ErrorContains(t, err, "the name of the consumer is taken")
	require.NoError(t, admin.DeleteConsumer(t.Context(), "CLIENTS", durable.Name))
}

// A push consumer could deliver to any subject of the account of the streams, and a consumer without a filter could read
// internal messages. None of the requests that create consumers creates them.
func TestPartnersCannotCreateOtherConsumers(t *testing.T) {
	d := deploy(t, startNATS(t))
	_, admin := connect(t, d.server(), "admin")
	stream, err := admin.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	before := stream.CachedInfo().State.Consumers
	for _, user := range partners {
		nc, _ := connect(t, d.server(), user)
		for _, config := range []string{
			`"filter_subject":"clients.>","deliver_subject":"client-ids"`, `"filter_subject":"clients.>","direct":true`,
			`"filter_subject":"client-references.>"`, `"filter_subjects":["clients.>","client-references.>"]`, `"ack_policy":"explicit"`,
			`"filter_subject":"clients.>","durable_name":"x"`,
		} {
			for _, subject := range []string{"CREATE.CLIENTS.x.clients.>", "CREATE.CLIENTS.x.client-references.>", "CREATE.CLIENTS.x", "DURABLE.CREATE.CLIENTS.x", "CREATE.CLIENTS"} {
				response, err := nc.Request("$JS.API.CONSUMER."+subject, []byte(`{"stream_name":"CLIENTS","config":{`+config+`}}`), 5*time.Second)
				require.NoError(t, err, "%s: %s %s", user, subject, config)
				require.Contains(t, string(response.Data), `"err_code"`, "%s: %s %s", user, subject, config)
			}
		}
	}
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, info.State.Consumers)
}

// A partner that exhausts its limits does not affect others.
func TestPartnersAreLimited(t *testing.T) {
	d := deploy(t, startNATS(t))
	_, greedy := connect(t, d.server(), "subscriber")
	err := error(nil)
	made := 0
	for ; err == nil && made < 1000; made++ {
		_, err = greedy.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{
			Name: fmt.Sprintf("greedy-%d", made), FilterSubject: "clients.>", InactiveThreshold: time.Minute, // on a slow machine
		})
	}
	require.Error(t, err)
	require.Equal(t, 101, made)

	for {
		if _, err = nats.Connect(urlFor("subscriber", d.server())); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, nats.ErrMaxAccountConnectionsExceeded)

	_, other := connect(t, d.server(), "projects")
	ordered, err := other.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
	require.NoError(t, err)
	requireFirst(t, ordered)
	require.Equal(t, 201, serve(t, urlFor("clients", d.server())).send(t, "POST", "/clients", `{"client":{"name":"Other"}}`))
}

// From the account of the streams a partner receives only the responses to its own requests.
func TestPartnersReceiveOnlyTheirResponses(t *testing.T) {
	d := deploy(t, startNATS(t))
	received := make(map[string]chan *nats.Msg)
	for _, user := range partners {
		nc, _ := connect(t, d.server(), user)
		received[user] = make(chan *nats.Msg, 1<<16)
		_, err := nc.ChanSubscribe(">", received[user])
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
	}
	require.Equal(t, 201, d.service.send(t, "POST", "/clients", `{"client":{"name":"Other"}}`))
	_, js := connect(t, d.server(), "projects")
	publish(t, js, "projects.default.1", "projects.v1.ProjectCreated", `{"id":1,"client_id":1}`)
	ordered, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.>"}})
	require.NoError(t, err)
	requireFirst(t, ordered)
	require.Eventually(t, func() bool { return len(received["projects"]) > 3 }, 10*time.Second, 10*time.Millisecond, "its other connections are the same partner")
	require.Empty(t, received["invoices"])
	require.Empty(t, received["subscriber"])
}

// The service receives the responses to its own requests and the requests that it serves.
func TestServiceSubscribesOnlyToWhatItServes(t *testing.T) {
	nc, _ := connect(t, startNATS(t), "clients")
	for _, subject := range []string{
		">", "_INBOX.>", "_INBOX.x", "_INBOX_admin.>", "_INBOX_clients.>", "*.>", "clients.>", "client-references.>", "projects.>", "invoices.>",
		"clients-partners.>", "clients-control.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.ADVISORY.>", "$KV.>", "$O.>", "$SYS.>", "_R_.>",
	} {
		may := slices.Contains([]string{"_INBOX_clients.>", "clients-partners.>", "clients-control.>"}, subject)
		require.Equal(t, may, maySubscribe(t, nc, subject), subject)
	}
}

// maySubscribe reports whether a user may subscribe to a subject.
func maySubscribe(t *testing.T, nc *nats.Conn, subject string) bool {
	t.Helper()
	result := make(chan bool, 2)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if strings.Contains(err.Error(), `"`+subject+`"`) {
			result <- false
		}
	})
	sub, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	time.AfterFunc(200*time.Millisecond, func() { result <- true }) // the server's error arrived before; only its handler may run later
	may := <-result
	_ = sub.Unsubscribe()
	return may
}
