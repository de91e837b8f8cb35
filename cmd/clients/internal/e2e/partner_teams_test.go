package e2e_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// NATS servers with the configuration that OPERATING.md shows, and the variables that it lists, serve the service: three of them, or
// one without a cluster. The test sets variables, and so is not parallel.
func TestDocumentedNATSServers(t *testing.T) {
	document := readFile(t, "deploy/OPERATING.md")
	shown := regexp.MustCompile("(?s)```\n(server_name: n1\n.*?)```").FindStringSubmatch(document)
	require.NotNil(t, shown)
	accounts := readFile(t, "deploy/kubernetes/components/nats/accounts.conf")
	for _, variable := range passwordVariables.FindAllString(accounts, -1) {
		require.Contains(t, document, "`"+variable[1:]+"`")
	}
	teams := run(t, nil, "setup", "--teams", testTeams(t))
	require.Zero(t, teams.code, teams.stderr)
	for _, variable := range passwordVariables.FindAllStringSubmatch(shown[1]+accounts+teams.stdout, -1) {
		t.Setenv(variable[1]+"_PASSWORD", `"`+strings.ToLower(variable[1])+`"`)
	}
	for servers, alone := range map[int]*strings.Replacer{
		1: strings.NewReplacer(regexp.MustCompile(`(?s)cluster \{.*?\n\}\n`).FindString(shown[1]), "", "max_file: 24GB", "max_file: 8GB"), 3: strings.NewReplacer(),
	} {
		var urls []string
		routes := freeAddresses(t, servers)
		for i := range servers {
			dir := t.TempDir()
			changes := []string{
				"server_name: n1", fmt.Sprint("server_name: n", i+1), "port: 4222", "listen: 127.0.0.1:-1", "http_port: 8222", "",
				"port: 6222", "listen: " + strconv.Quote(routes[i]), "nats-data", filepath.Join(dir, "nats-data"), ":PASSWORD@", ":route@",
			}
			for n, route := range routes {
				changes = append(changes, fmt.Sprintf("n%d:6222", n+1), route)
			}
			for name, content := range map[string]string{
				"accounts.conf": alone.Replace(accounts), "teams.conf": teams.stdout, "nats.conf": strings.NewReplacer(changes...).Replace(alone.Replace(shown[1])),
			} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
			}
			options, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
			require.NoError(t, err)
			options.NoSigs = true
			nats, err := server.NewServer(options)
			require.NoError(t, err)
			nats.Start()
			t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
			require.True(t, nats.ReadyForConnections(timeout))
			urls = append(urls, nats.ClientURL())
		}
		replicas := fmt.Sprint("CLIENTS_STREAM_REPLICAS=", servers)
		setup := run(t, []string{"CLIENTS_NATS_URL=" + as("admin", strings.Join(urls, ",")), replicas}, "setup", "--sources")
		require.Zero(t, setup.code, setup.stderr)
		launch(t, "CLIENTS_NATS_URL="+as("clients", strings.Join(urls, ",")), replicas).awaitReady(t)
	}
}

// freeAddresses returns addresses on which nothing listens.
func freeAddresses(t *testing.T, n int) (free []string) {
	t.Helper()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		free = append(free, listener.Addr().String())
	}
	return free
}

// requireTeamReads has the team crm, which reads the account default, do all that a team is for. In the end its durable consumer
// has one message that is not acknowledged, and others that are not delivered.
func requireTeamReads(t *testing.T, s *service, servers *natstest.Cluster) {
	t.Helper()
	const name = "crm+default"
	nc, js := connect(t, as("crm", servers.URL()), silent)
	require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", name), "that of the attack")
	config := jetstream.ConsumerConfig{Durable: name, FilterSubject: "clients.default.>", AckPolicy: jetstream.AckExplicitPolicy}
	ephemeral := config
	ephemeral.Durable = ""

	for i := range 4 { // nats.go sends a random name, and uses the one in the response; the third is in the place of the first
		consumer, err := js.CreateConsumer(t.Context(), "CLIENTS", ephemeral)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(name, "+", i%2+1), consumer.CachedInfo().Name)
		require.NoError(t, firstOf(t, consumer).DoubleAck(t.Context()))
	}
	requireReplacementEndsPull(t, js)
	ordered, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.default.1", "clients.default.2"}})
	require.NoError(t, err)
	require.Equal(t, "clients.default.1", firstOf(t, ordered).Subject())

	durable, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", config)
	require.NoError(t, err)
	require.NoError(t, firstOf(t, durable).DoubleAck(t.Context()))
	config.AckWait = time.Minute
	durable, err = js.UpdateConsumer(t.Context(), "CLIENTS", config)
	require.NoError(t, err)
	require.EqualValues(t, 1, durable.CachedInfo().AckFloor.Consumer)
	for _, other := range []string{"crm", "reader", "desk+shop", "crm+shop", "crm+default+1"} { // it could not acknowledge by these names
		config.Durable = other
		_, err = js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", config)
		require.ErrorContains(t, err, "the durable consumer of crm for the account default is named crm+default", other)
	}
	for _, filter := range []string{"clients.>", "clients.shop.>", "clients.*.1", "clients.default2.>", "client-references.default.>", ""} {
		_, err = js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{FilterSubject: filter})
		require.ErrorContains(t, err, "the filter has to be", filter)
	}

	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NotZero(t, stream.CachedInfo().State.LastSeq)
	require.False(t, stream.CachedInfo().Created.IsZero())
	require.Contains(t, request(t, nc, "$JS.API.STREAM.INFO.CLIENTS", ""), `"messages":0,"bytes":0,`, "nats.py requires the counts")
	last, err := stream.GetLastMsgForSubject(t.Context(), "clients.default.1")
	require.NoError(t, err)
	require.Contains(t, string(last.Data), "SuprCorp")
	_, err = js.AccountInfo(t.Context())
	require.NoError(t, err)
	requireDenied(t, nc, "projects.default.1") // it publishes nothing
	s.createOnce("SuprCorp too")
	s.createOnce("SuprCorp as well")
	require.Equal(t, "clients.default.2", firstOf(t, durable).Subject())
	_, js = connect(t, as("subscriber", servers.URL()))
	_, err = js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Name: "a-team-with-a-long-name+default", FilterSubject: "clients.>"})
	require.ErrorContains(t, err, "a name with + belongs to a partner that reads one account")
	nc, js = connect(t, as("desk", servers.URL()), silent)
	publishEvent(t, js, "projects.shop.1", "projects.v1.ProjectCreated", `{"id":1,"client_id":1}`)
	requireDenied(t, nc, "projects.default.1")
}

// requireReplacementEndsPull requires that a pull which waits ends when another consumer of the team takes the name.
func requireReplacementEndsPull(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	create := func() jetstream.Consumer {
		consumer, err := js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{
			FilterSubject: "clients.default.>", DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckNonePolicy,
		})
		require.NoError(t, err)
		return consumer
	}
	eventually(t, func() bool { // in a cluster the first pull may come too early
		replaced := create()
		batch, err := replaced.Fetch(1, jetstream.FetchMaxWait(timeout/10))
		require.NoError(t, err)
		create()
		require.Equal(t, replaced.CachedInfo().Name, create().CachedInfo().Name)
		for range batch.Messages() {
			require.Fail(t, "there is no new message")
		}
		return errors.Is(batch.Error(), jetstream.ErrConsumerDeleted)
	}, "the pull ends with 409 Consumer Deleted")
}

// firstOf returns the next message. In a cluster a consumer can be used only a moment after its creation.
func firstOf(t *testing.T, consumer jetstream.Consumer) (m jetstream.Msg) {
	t.Helper()
	eventually(t, func() bool {
		var err error
		m, err = consumer.Next(jetstream.FetchMaxWait(timeout / 10))
		return err == nil
	}, "the first message")
	return m
}

// revealing is what a team must not receive of the account default: its clients, by name and subject, and how much there is.
var revealing = regexp.MustCompile(`SuprCorp|clients\.default\.|client-references\.default|crm\+|"(messages|bytes|num_subjects|consumer_count|streams|consumers|storage|memory)":[1-9]`)

// spy has the team desk, which reads other accounts, request everything that could reveal something of the account default,
// also of the consumers of others, and use them. It returns what the team's account has received of it, and what has changed.
func spy(t *testing.T, servers *natstest.Cluster, consumers ...string) (found []string) {
	t.Helper()
	admin, _ := connect(t, as("admin", servers.URL()))
	awaitSilence(t, admin)
	before := observe(t, admin)
	nc, _ := connect(t, as("desk", servers.URL()), silent)
	received := make(chan *nats.Msg, 1<<16)
	_, err := nc.ChanSubscribe(">", received)
	require.NoError(t, err)
	sent := make(map[string]bool) // subjects, which it receives itself
	send := func(subject string, bodies ...string) {
		if !strings.HasPrefix(subject, "$JS.ACK") {
			subject = "$JS.API." + subject
		}
		sent[subject] = true
		for _, body := range append(bodies, "") {
			require.NoError(t, nc.PublishRequest(subject, "_INBOX.spy", []byte(body)))
		}
	}
	for _, subject := range []string{"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.SNAPSHOT.CLIENTS", "CONSUMER.NAMES.CLIENTS", "CONSUMER.LIST.CLIENTS"} {
		send(subject)
	}
	for _, stream := range []string{"CLIENTS", "PROJECTS", "INVOICES", "CLIENTS_IDS", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS"} {
		send("STREAM.INFO."+stream, `{"subjects_filter":">"}`, `{"subjects_filter":"clients.default.>"}`)
		for _, subject := range []string{"STREAM.MSG.GET.", "DIRECT.GET."} {
			send(subject+stream, `{"seq":1}`, `{"last_by_subj":"clients.default.1"}`, `{"multi_last":["clients.>"]}`, `{"next_by_subj":"clients.>","seq":1,"batch":9}`)
		}
	}
	for _, subject := range []string{"default.1", "default.>", ">", "*.1", "shop.1", "shop.>", "annex.1"} {
		send("DIRECT.GET.CLIENTS.clients."+subject, `{"seq":1}`, `{"last_by_subj":"clients.default.1"}`, `{"multi_last":["clients.>"]}`, `{"next_by_subj":"clients.>","seq":1,"batch":9}`)
	}
	for i, filter := range []string{
		`"filter_subject":"clients.>"`, `"filter_subject":"clients.default.>"`, `"filter_subject":"clients.*.1"`, `"filter_subject":"clients.shop.>","filter_subjects":["clients.default.>"]`,
		`"filter_subjects":["clients.shop.>","clients.default.>"]`, `"filter_subject":"clients.shop.>","deliver_subject":"_INBOX.spy"`, `"ack_policy":"none"`,
	} {
		name := fmt.Sprint("desk-", i)
		body := fmt.Sprintf(`{"stream_name":"CLIENTS","config":{%s}}`, filter)
		for _, subject := range []string{"CREATE.CLIENTS", "CREATE.CLIENTS." + name, "DURABLE.CREATE.CLIENTS.desk+shop", "CREATE.CLIENTS." + name + ".clients.default.>", "CREATE.CLIENTS.desk+shop.clients.shop.>"} {
			send("CONSUMER."+subject, body)
		}
		consumers = append(consumers, name)
	}
	for _, name := range append(consumers, "desk+shop", "desk+shop+1", "desk+annex", "desk+default", "desk") {
		for _, call := range []string{"INFO", "MSG.NEXT", "RESET"} {
			send("CONSUMER."+call+".CLIENTS."+name, `{"batch":9,"no_wait":true}`)
		}
		send("$JS.ACK.CLIENTS."+name+".1.2.2.1.0", "+NXT")
	}
	require.NoError(t, nc.FlushTimeout(2*timeout))
	for {
		select {
		case m := <-received:
			if all := fmt.Sprint(m.Reply, m.Header, string(m.Data)); !sent[m.Subject] && revealing.MatchString(all) {
				found = append(found, all)
			}
		case <-time.After(300 * time.Millisecond): // nothing comes any more
			return append(found, before.changes(observe(t, admin), "desk+shop")...)
		}
	}
}
