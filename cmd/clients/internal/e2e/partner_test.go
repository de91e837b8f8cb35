package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// partners are the ways in which a partner connects to an embedded server.
func partners(t *testing.T, test func(t *testing.T, s *service, nc *nats.Conn, js jetstream.JetStream)) {
	t.Helper()
	t.Run("anonymous", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		nc, js := connect(t, s.nats)
		test(t, s, nc, js)
	})
	t.Run("with a login", func(t *testing.T) {
		t.Parallel()
		s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, bcrypt.MinCost, "ann:sesame"))
		s.client = s.as("ann:sesame")
		nc, js := connect(t, s.nats, s.login(t, "partner"))
		test(t, s, nc, js)
	})
}

func TestPartnersReadWithOrderedConsumers(t *testing.T) {
	t.Parallel()
	partners(t, func(t *testing.T, s *service, _ *nats.Conn, js jetstream.JetStream) {
		s.create("SuprCorp")
		s.create("Once Ltd")
		require.Len(t, events(t, js, "clients.>"), 2)
		stream, err := js.Stream(t.Context(), "CLIENTS")
		require.NoError(t, err)
		last, err := stream.GetLastMsgForSubject(t.Context(), "clients.>")
		require.NoError(t, err)
		require.EqualValues(t, 2, last.Sequence)
		_, err = stream.GetLastMsgForSubject(t.Context(), "clients.none.1")
		require.ErrorIs(t, err, jetstream.ErrMsgNotFound)
		consumer, err := js.OrderedConsumer(t.Context(), "CLIENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"clients.*.1", "clients.*.3"}})
		require.NoError(t, err)
		arrived := make(chan jetstream.Msg, 9)
		consuming, err := consumer.Consume(func(m jetstream.Msg) { arrived <- m })
		require.NoError(t, err)
		defer consuming.Stop()
		require.True(t, strings.HasSuffix((<-arrived).Subject(), ".1"))
		s.create("Third")
		require.True(t, strings.HasSuffix((<-arrived).Subject(), ".3"))
	})
}

func TestPartnersReadWithPullConsumers(t *testing.T) {
	t.Parallel()
	partners(t, func(t *testing.T, s *service, nc *nats.Conn, js jetstream.JetStream) {
		for i := range 6 {
			s.create(fmt.Sprint("client ", i))
		}
		config := jetstream.ConsumerConfig{Durable: "reader", FilterSubject: "clients.>", AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: time.Hour}
		consumer, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", config)
		require.NoError(t, err)
		next := func() jetstream.Msg {
			m, err := consumer.Next(jetstream.FetchMaxWait(timeout))
			require.NoError(t, err)
			return m
		}
		require.NoError(t, next().Ack())
		require.NoError(t, next().DoubleAck(t.Context()))
		require.NoError(t, next().Nak())
		again := next()
		require.NoError(t, again.InProgress())
		require.NoError(t, again.Term())
		eventually(t, func() bool { // the message that was refused comes again at some time
			batch, err := consumer.FetchNoWait(9)
			require.NoError(t, err)
			for m := range batch.Messages() {
				require.NoError(t, m.DoubleAck(t.Context()))
			}
			require.NoError(t, batch.Error())
			info, err := consumer.Info(t.Context())
			return err == nil && info.NumAckPending == 0 && info.AckFloor.Stream == 6
		}, "all are acknowledged")

		config.AckWait = time.Minute
		_, err = js.UpdateConsumer(t.Context(), "CLIENTS", config)
		require.NoError(t, err)
		_, err = js.CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: "reader", FilterSubject: "clients.shop.>"})
		require.ErrorIs(t, err, jetstream.ErrConsumerExists)
		require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", "reader"))

		legacy, err := nc.JetStream()
		require.NoError(t, err)
		sub, err := legacy.PullSubscribe("clients.>", "older") // which looks up the stream
		require.NoError(t, err)
		messages, err := sub.Fetch(6, nats.MaxWait(timeout))
		require.NoError(t, err)
		require.Len(t, messages, 6)
		require.NoError(t, messages[0].AckSync())
		_, err = legacy.SubscribeSync("clients.>", nats.BindStream("CLIENTS"), nats.DeliverAll())
		require.ErrorContains(t, err, "push consumers are not allowed: use a pull consumer or an ordered consumer")
	})
}

func TestPartnersPublishWithAcknowledgement(t *testing.T) {
	t.Parallel()
	partners(t, func(t *testing.T, s *service, nc *nats.Conn, js jetstream.JetStream) {
		id := s.create("SuprCorp")
		publishEvent(t, js, "projects.default.7", "projects.v1.ProjectCreated", `{"id":7,"client_id":9}`)
		_, err := js.Publish(t.Context(), "invoices.default.7", []byte("{}"), jetstream.WithExpectLastSequence(99))
		require.ErrorContains(t, err, "wrong last sequence")
		for range 100 {
			_, err := js.PublishAsync("invoices.default.8", []byte("{}"))
			require.NoError(t, err)
		}
		select {
		case <-js.PublishAsyncComplete():
		case <-time.After(timeout):
			require.Fail(t, "not acknowledged")
		}
		for _, subject := range []string{"clients.default.1", "client-references.default.1", "client-ids", "other"} {
			requireDenied(t, nc, subject)
		}
		s.want(200, "DELETE", path(id), "")
	})
}

// requireDenied requires that the server refuses a partner's message to a subject.
func requireDenied(t *testing.T, nc *nats.Conn, subject string) {
	t.Helper()
	require.NoError(t, nc.Publish(subject, []byte(`{"seq":1}`)))
	require.NoError(t, nc.Flush())
	require.ErrorContains(t, nc.LastError(), fmt.Sprintf(`Permissions Violation for Publish to "%s"`, subject))
}

// Consumers that a partner may not create, each with the text of the error.
var refused = map[string]struct{ config, says string }{
	"push":                {`"deliver_subject":"x"`, "push consumers are not allowed"},
	"direct":              {`"direct":true`, "only pull consumers"},
	"flow control":        {`"flow_control":true`, "only pull consumers"},
	"unknown field":       {`"deliver_to":"x"`, "unknown field"},
	"no filter":           {`"filter_subject":""`, "filter"},
	"other filter":        {`"filter_subject":"client-references.>"`, "filter"},
	"all subjects":        {`"filter_subject":">"`, "filter"},
	"one of many filters": {`"filter_subject":"","filter_subjects":["clients.>","client-references.>"]`, "filter"},
	"protocol":            {`"filter_subject":"clients.a 0\r\n\r\nPUB $JS.API.STREAM.DELETE.CLIENTS 0\r\n\r\n"`, "filter"},
	"space":               {`"filter_subject":"clients.a _INBOX.b"`, "filter"},
	"tab":                 {`"filter_subject":"clients.a\t0"`, "filter"},
	"many with protocol":  {`"filter_subject":"","filter_subjects":["clients.a\r\nPUB client-ids 0\r\n"]`, "filter"},
	"other name":          {`"name":"other"`, "name"},
	"long inactivity":     {`"inactive_threshold":86400000000001`, "inactive_threshold is at most 24h0m0s"},
	"short ack_wait":      {`"ack_wait":999999999`, "ack_wait and backoff are at least 1s"},
	"short backoff":       {`"ack_wait":1000000000,"backoff":[1000000000,1]`, "ack_wait and backoff are at least 1s"},
	"negative ack_wait":   {`"ack_wait":-1`, "ack_wait and backoff are at least 1s"},
	"many pulls":          {`"max_waiting":100000`, "max_waiting"},
	"too long":            {`"description":"` + strings.Repeat("x", 16<<10) + `"`, "bytes"},
	"long filter":         {`"filter_subject":"clients.` + strings.Repeat("x", 5000) + `"`, "bytes"},
	"another value":       {`"name":"reader"}} {"x":{"y":1`, "more than one"},
}

func TestPartnersAreRefusedOtherConsumers(t *testing.T) {
	t.Parallel()
	s := start(t)
	nc, _ := connect(t, s.nats)
	for name, test := range refused {
		body := `{"stream_name":"CLIENTS","config":{"durable_name":"reader",` + test.config + `}}`
		for _, subject := range []string{"CREATE.CLIENTS.reader", "DURABLE.CREATE.CLIENTS.reader", "CREATE.CLIENTS.reader.clients.>"} {
			reply := request(t, nc, "$JS.API.CONSUMER."+subject, body)
			require.Contains(t, reply, `"err_code":10012`, name)
			if subject != "CREATE.CLIENTS.reader.clients.>" {
				require.Contains(t, reply, test.says, name)
			}
		}
	}
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"name":"short","filter_subject":"clients.>"}}`), "lacks the consumer's name")
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"name":"0123456789.0123456789","filter_subject":"clients.>"}}`), "name differs")
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"name":"01234567890123456789 0\r\n\r\nPUB $JS.API.STREAM.DELETE.CLIENTS 0\r\n\r\n","filter_subject":"clients.>"}}`), "name differs")
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"name":"NVHDVM9Q5M4DGVT2M9JKZ5_1","filter_subjects":["clients.a.>","clients.b.>"]}}`), `"created"`)
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"name":"`+strings.Repeat("x", 5000)+`","filter_subject":"clients.>"}}`), "bytes")
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.DELETE.CLIENTS."+strings.Repeat("x", 3000), ""), "too long")
	require.Regexp(t, `"name":"[0-9A-Za-z]{22,}"`, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", `{"stream_name":"CLIENTS","config":{"filter_subject":"clients.>"}}`), "a name that cannot be guessed")
	for _, pending := range []int{-1, 20_000} {
		require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS", fmt.Sprintf(`{"stream_name":"CLIENTS","config":{"ack_policy":"explicit","max_ack_pending":%d,"filter_subject":"clients.>"}}`, pending)), `"max_ack_pending":2000,`)
	}
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS.reader.clients.>", `{"stream_name":"PROJECTS","config":{"filter_subject":"clients.>"}}`), "the stream is CLIENTS")
	require.Contains(t, request(t, nc, "$JS.API.CONSUMER.CREATE.CLIENTS.reader.client-references.>", `{"stream_name":"CLIENTS","config":{"filter_subject":"client-references.>"}}`), "the filter has to be")
	_, err := s.administrator(t).Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
}

func TestPartnersDoNotLearnWhichClientsHaveProjects(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	project(t, s.partner(t), "ProjectCreated", 7, `"client_id":1`)
	s.want(400, "DELETE", path(1), "")
	admin := s.administrator(t).Conn()
	filter := `{"subjects_filter":">"}`
	require.Contains(t, request(t, admin, "$JS.API.STREAM.INFO.CLIENTS", filter), "client-references.default.")
	nc, js := connect(t, s.nats)
	for _, stream := range []string{"CLIENTS", "PROJECTS", "INVOICES"} {
		reply := request(t, nc, "$JS.API.STREAM.INFO."+stream, filter)
		require.Contains(t, reply, `"state"`)
		require.NotContains(t, reply, `"subjects":{`)
		require.NotContains(t, reply, "client-references.default")
		_, err := js.Stream(t.Context(), stream)
		require.NoError(t, err)
	}
	for subject, names := range map[string]string{"": `["CLIENTS","PROJECTS","INVOICES"]`, "clients.default.1": `["CLIENTS"]`, "invoices.>": `["INVOICES"]`, "client-ids": `[]`, ">": `[]`} {
		require.Contains(t, request(t, nc, "$JS.API.STREAM.NAMES", fmt.Sprintf(`{"subject":%q}`, subject)), `"streams":`+names, subject)
	}
	for _, call := range []string{"DIRECT.GET.CLIENTS.client-references.default.1", "DIRECT.GET.CLIENTS", "STREAM.MSG.GET.CLIENTS", "STREAM.LIST", "CONSUMER.NAMES.CLIENTS", "CONSUMER.LIST.CLIENTS"} {
		requireDenied(t, nc, "$JS.API."+call)
	}
}

func TestPartnersHaveALimitedNumberOfConsumers(t *testing.T) {
	t.Parallel()
	const limit = 100
	s := start(t)
	s.create("SuprCorp")
	_, js := connect(t, s.nats)
	create := func(i int) error {
		_, err := js.CreateOrUpdateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: fmt.Sprint("reader-", i), FilterSubject: "clients.>"})
		return err
	}
	for i := range limit {
		require.NoError(t, create(i))
	}
	require.ErrorIs(t, create(limit), jetstream.ErrMaximumConsumersLimit)
	require.NoError(t, create(0), "one that is there can be updated")
	_, err := s.administrator(t).CreateConsumer(t.Context(), "CLIENTS", jetstream.ConsumerConfig{Durable: "admin"})
	require.NoError(t, err, "others are not affected")
	require.NoError(t, js.DeleteConsumer(t.Context(), "CLIENTS", "reader-1"))
	require.NoError(t, create(limit))
	s.create("Once Ltd")
	s = func() *service { require.Zero(t, s.stop(t)); return s.restart(t) }()
	_, js = connect(t, s.nats)
	require.ErrorIs(t, create(limit+1), jetstream.ErrMaximumConsumersLimit, "after a restart too")
}

// Of a flood of requests, as many get a response as the limit admits, and nothing else is delayed.
func TestAFloodOfPartnersRequestsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	nc, js := connect(t, s.nats)
	ctx, stop := context.WithCancel(t.Context())
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for i := 0; ctx.Err() == nil; i++ {
			_ = nc.PublishRequest("$JS.API.CONSUMER.CREATE.CLIENTS.reader.clients.>", "nowhere", []byte(createRequest("reader", "clients.>")))
			_ = nc.PublishRequest("$JS.API.STREAM.INFO.CLIENTS", "nowhere", nil)
			if i%100 == 0 {
				_ = nc.Flush()
			}
		}
	}()
	begun := time.Now()
	for i := range 20 {
		s.create(fmt.Sprint("client ", i))
	}
	t.Logf("20 clients in %s", time.Since(begun))
	stop()
	<-flooded
	eventually(t, func() bool {
		_, err := js.Stream(t.Context(), "CLIENTS")
		return err == nil
	}, "partners get responses again")
}
