package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// everything are the elements of a client with a value of each writable attribute.
const everything = `<name>SuprCorp</name><highrise-id>568902</highrise-id><currency>Euro - EUR</currency><currency-symbol>E</currency-symbol>
	<active>false</active><details>123 Main St.&#10;New York &amp; &lt;more&gt;</details>`

func TestEachChangeIsOneCloudEvent(t *testing.T) {
	t.Parallel()
	a := shared(t)
	before := time.Now()
	requests := 0
	request := func(method, path, elements string) response {
		requests++
		body := ""
		if elements != "" {
			body = "<client>" + elements + "</client>"
		}
		return a.do(method, path, body, asXML, fmt.Sprintf("X-Request-Id: request-%d", requests))
	}
	plain := request(http.MethodPost, "/clients", "<name>SuprCorp</name>").id(t)
	id := request(http.MethodPost, "/clients", everything).id(t)
	for _, c := range []struct{ method, path, elements string }{
		{http.MethodPut, path(id), `<name>Other</name><highrise-id nil="true"/>`},
		{http.MethodPut, path(id), `<details></details><active>true</active><currency>Yen - JPY</currency>`},
		{http.MethodPost, togglePath(id), ""},
		{http.MethodDelete, path(id), ""},
		{http.MethodDelete, path(plain), ""},
	} {
		require.Equal(t, http.StatusOK, request(c.method, c.path, c.elements).status)
	}
	stored, ids := a.events(), map[string]bool{}
	want := []struct {
		client  int64
		kind    string
		version int
		data    string
	}{
		{plain, "ClientCreated", 1, `"name":"SuprCorp","highrise_id":null,"currency":"United States Dollars - USD","currency_symbol":"$","active":true,"details":""`},
		{id, "ClientCreated", 1, `"name":"SuprCorp","highrise_id":568902,"currency":"Euro - EUR","currency_symbol":"E","active":false,
			"details":"123 Main St.\nNew York & <more>"`},
		{id, "ClientUpdated", 2, `"name":"Other","highrise_id":null`},
		{id, "ClientUpdated", 3, `"details":"","active":true,"currency":"Yen - JPY","currency_symbol":"¥"`},
		{id, "ClientToggled", 4, `"active":false`},
		{id, "ClientDeleted", 5, ""},
		{plain, "ClientDeleted", 2, ""},
	}
	require.Len(t, stored, len(want))
	for i, e := range stored {
		w, request := want[i], fmt.Sprintf("request-%d", i+1)
		require.Equal(t, fmt.Sprintf("clients.%s.%d", a.account, w.client), e.subject)
		expected := clientEvent(a.account, "", w.client, 0, w.data)
		require.JSONEq(t, string(expected.Data), e.data)
		for name, value := range map[string]string{
			"ce-specversion": "1.0", "ce-type": "clients.v1." + w.kind, "ce-subject": strconv.FormatInt(w.client, 10),
			"ce-clientversion": strconv.Itoa(w.version), "ce-correlationid": request, "ce-causationid": request,
			"content-type": "application/json", "Nats-Msg-Id": e.header.Get("ce-id"), "ce-checksum": checksum(e), "ce-actor": a.account,
		} {
			require.Equal(t, []string{value}, e.header.Values(name), name)
		}
		require.NotEmpty(t, e.header.Get("ce-source"))
		require.NotContains(t, e.header, "traceparent", "no request had one")
		eventID, err := uuid.Parse(e.header.Get("ce-id"))
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), eventID.Version())
		require.False(t, ids[eventID.String()])
		ids[eventID.String()] = true
		at, err := time.Parse(time.RFC3339Nano, e.header.Get("ce-time"))
		require.NoError(t, err)
		require.WithinRange(t, at, before, time.Now())
		require.Equal(t, time.UTC, at.Location())
	}
}

func TestEventsReachASubscriber(t *testing.T) {
	t.Parallel()
	s := start(t)
	consumer, err := s.partner(t).CreateConsumer(t.Context(), "CLIENTS",
		jetstream.ConsumerConfig{FilterSubject: "clients.>", DeliverPolicy: jetstream.DeliverNewPolicy})
	require.NoError(t, err)
	for range 3 {
		id := s.create("SuprCorp")
		m, err := consumer.Next(jetstream.FetchMaxWait(timeout))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("clients.default.%d", id), m.Subject())
		require.NoError(t, m.Ack())
	}
}

// A subscriber that reads from the beginning rebuilds every client, and so does the service.
func TestEventsRebuildEveryClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	steps := []func(id int64, i int){
		func(id int64, i int) {
			s.update(id, fmt.Sprintf("<name>Client %d</name><details>%d</details>", i%7, i))
		},
		func(id int64, _ int) { s.want(http.StatusOK, http.MethodPost, togglePath(id), "") },
		func(id int64, _ int) { s.update(id, `<currency>Yen - JPY</currency><highrise-id nil="true"/>`) },
		func(id int64, _ int) {
			s.update(id, `<active>false</active><highrise-id>9223372036854775807</highrise-id>`)
		},
		func(id int64, _ int) { s.want(http.StatusOK, http.MethodDelete, path(id), "") },
	}
	for i := range 40 {
		id := s.createFrom(everything)
		for _, step := range steps[:i%6] {
			step(id, i)
		}
	}
	requireRebuilt(t, s)
	listed := s.list("")
	s.kill()
	s = s.restart(t)
	require.Equal(t, listed, s.list(""), "the service rebuilds the same")
}

// requireRebuilt requires that the list is what the events describe.
func requireRebuilt(t *testing.T, s *service) {
	t.Helper()
	rebuilt := rebuild(t, events(t, s.administrator(t), "clients.>"))
	listed := s.list("")
	require.Len(t, rebuilt, len(listed))
	for _, v := range listed {
		require.Equal(t, rebuilt[v.ID], v)
	}
}
