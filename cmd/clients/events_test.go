package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestEventsOfAClient(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	a.update(id, `<name>Other</name><highrise-id nil="true"/>`)
	a.update(id, `<details></details><active>true</active><currency>Yen - JPY</currency>`)
	a.want(200, "POST", togglePath(id), "")
	a.update(id, `<name>Other</name>`) // changes nothing
	a.want(200, "DELETE", path(id), "")

	events := a.tap().messages()
	require.Len(t, events, 5)
	for i, want := range []struct{ kind, data string }{
		{"clients.v1.ClientCreated", `{"id":%d,"name":"SuprCorp","highrise_id":568902,"currency":"Euro - EUR","currency_symbol":"E",
			"active":false,"details":"123 Main St.\nNew York & <more>"}`},
		{"clients.v1.ClientUpdated", `{"id":%d,"name":"Other","highrise_id":null}`},
		{"clients.v1.ClientUpdated", `{"id":%d,"details":"","active":true,"currency":"Yen - JPY","currency_symbol":"¥"}`},
		{"clients.v1.ClientToggled", `{"id":%d,"active":false}`},
		{"clients.v1.ClientDeleted", `{"id":%d}`},
	} {
		e := events[i]
		require.Equal(t, fmt.Sprintf("clients.default.%d", id), e.subject)
		require.Equal(t, want.kind, e.header.Get("ce-type"))
		require.JSONEq(t, fmt.Sprintf(want.data, id), e.data)
		require.Equal(t, strconv.Itoa(i+1), e.header.Get("ce-clientversion"), "1, 2, 3…")
	}
}

func TestEventOfAClientWithNameAlone(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	require.JSONEq(t, fmt.Sprintf(`{"id":%d,"name":"SuprCorp","highrise_id":null,"currency":"United States Dollars - USD",
		"currency_symbol":"$","active":true,"details":""}`, id), a.tap().messages()[0].data)
}

func TestEventsAreCloudEventsInBinaryMode(t *testing.T) {
	t.Parallel()
	a := launch(t)
	before := time.Now()
	id := a.want(201, "POST", "/clients", newClient, asXML, "X-Request-Id: 7b0f").id(t)
	a.want(200, "POST", togglePath(id), "", "X-Request-Id: c411")
	a.want(200, "DELETE", path(id), "", "X-Request-Id: e0d3")
	seen := map[string]bool{}
	for i, e := range a.tap().messages() {
		request := []string{"7b0f", "c411", "e0d3"}[i]
		for name, want := range map[string]string{
			"ce-specversion": "1.0", "ce-subject": strconv.FormatInt(id, 10), "ce-correlationid": request, "ce-causationid": request,
			"content-type": "application/json", "Nats-Msg-Id": e.header.Get("ce-id"), "ce-checksum": checksumOf(e.subject, e.header, e.data),
		} {
			require.Equal(t, []string{want}, e.header.Values(name), name)
		}
		require.NotEmpty(t, e.header.Get("ce-source"))
		require.NotEmpty(t, e.header.Get("ce-actor"))
		require.Regexp(t, `^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`, e.header.Get("traceparent"))
		require.Regexp(t, `^[0-9a-f]{16}$`, e.header.Get("ce-checksum"))

		name, err := uuid.Parse(e.header.Get("ce-id"))
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), name.Version())
		require.False(t, seen[name.String()])
		seen[name.String()] = true

		at, err := time.Parse(time.RFC3339Nano, e.header.Get("ce-time"))
		require.NoError(t, err)
		require.WithinRange(t, at, before, time.Now())
		require.Equal(t, time.UTC, at.Location())
	}
	require.Len(t, seen, 3)
}

// The check value of the catalogues for "123456789": the tests' own arithmetic has to be right.
func TestEventChecksumOfTheTests(t *testing.T) {
	require.Equal(t, uint64(0x995dc9bbdf1939fa), crc64([]byte("123456789")))
}

func TestEventsCarryTheTimesThatGetShows(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	eventually(t, "the clock moves on", func() bool { return time.Now().Unix() > a.get(id).CreatedAt.Unix() })
	a.update(id, "<name>Other</name>")
	events, v := a.tap().messages(), a.get(id)
	require.Equal(t, events[0].at.Truncate(time.Second).UTC(), v.CreatedAt)
	require.Equal(t, events[1].at.Truncate(time.Second).UTC(), v.UpdatedAt)
	require.True(t, v.UpdatedAt.After(v.CreatedAt))
}

// Whoever subscribes hears of a change when it happens.
func TestEventsReachASubscriber(t *testing.T) {
	t.Parallel()
	a := launch(t)
	tap := a.tap()
	consumer, err := tap.js.CreateConsumer(context.Background(), "CLIENTS", jetstream.ConsumerConfig{FilterSubject: "clients.>", DeliverPolicy: jetstream.DeliverNewPolicy})
	require.NoError(t, err)
	for range 3 {
		id := a.named("SuprCorp")
		m, err := consumer.Next(jetstream.FetchMaxWait(patience))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("clients.default.%d", id), m.Subject())
		require.NoError(t, m.Ack())
	}
}

// rebuild folds events the way any consumer can, with nothing but the contract in hand.
func rebuild(t *testing.T, events []message) map[int64]view {
	t.Helper()
	clients := map[int64]view{}
	for _, e := range events {
		require.Equal(t, checksumOf(e.subject, e.header, e.data), e.header.Get("ce-checksum"))
		id, err := strconv.ParseInt(e.header.Get("ce-subject"), 10, 64)
		require.NoError(t, err)
		v, exists := clients[id]
		version, err := strconv.ParseUint(e.header.Get("ce-clientversion"), 10, 64)
		require.NoError(t, err)
		if v.UpdatedAt = e.at.UTC().Truncate(time.Second); e.header.Get("ce-type") == "clients.v1.ClientCreated" {
			require.False(t, exists)
			v.CreatedAt = v.UpdatedAt
		} else {
			require.True(t, exists)
			require.Equal(t, v.CacheVersion+2, version)
		}
		v.CacheVersion = version - 1
		if e.header.Get("ce-type") == "clients.v1.ClientDeleted" {
			delete(clients, id)
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(e.data), &v)) // what is named replaces, null clears, the rest stays
		clients[id] = v
	}
	return clients
}

func TestEventsRebuildEveryClient(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for i := range 40 {
		id := a.create(whole)
		for step := range i % 6 {
			switch step {
			case 0:
				a.update(id, fmt.Sprintf("<name>Client %d</name><details>%d</details>", i%7, i))
			case 1:
				a.want(200, "POST", togglePath(id), "")
			case 2:
				a.update(id, `<currency>Yen - JPY</currency><highrise-id nil="true"/>`)
			case 3:
				a.update(id, `<active>false</active><highrise-id>9223372036854775807</highrise-id>`)
			case 4:
				a.want(200, "DELETE", path(id), "")
			}
		}
	}
	rebuilt := rebuild(t, a.tap().messages())
	listed := a.list("")
	require.Len(t, rebuilt, len(listed))
	for _, v := range listed {
		require.Equal(t, rebuilt[v.ID], v)
		require.Equal(t, rebuilt[v.ID], a.get(v.ID))
	}
	a = a.relaunch()
	require.Equal(t, listed, a.list(""), "the service rebuilds the same")
}
