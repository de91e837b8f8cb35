package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// counter reads a metric that has no labels.
func (a *app) counter(name string) int {
	a.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(a.ops("/metrics").body)
	require.NotNil(a.t, found, name)
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(a.t, err)
	return int(value)
}

// strays are messages that somebody publishes by hand where only the service writes: none has a valid envelope.
func strays(client int64) map[string]*nats.Msg {
	existing, unknown := fmt.Sprintf("clients.default.%d", client), fmt.Sprintf("clients.default.%d", client+1000)
	created := fmt.Sprintf(`{"id":%d,"name":"stray","active":true}`, client)
	without := func(names ...string) nats.Header {
		header := envelope(existing, "clients.v1.ClientDeleted", client, 2, created)
		for _, name := range names {
			header.Del(name)
		}
		return header
	}
	foreign := envelope(existing, "projects.v1.ProjectCreated", client, 2, created)
	return map[string]*nats.Msg{
		"no headers, existing client":    {Subject: existing, Data: []byte(created)},
		"no headers, unknown client":     {Subject: unknown, Data: []byte(created)},
		"no data":                        {Subject: existing},
		"deep subject":                   {Subject: "clients.x.y.z", Data: []byte("hello")},
		"shallow subject":                {Subject: "clients.x", Data: []byte("hello")},
		"other account":                  {Subject: fmt.Sprintf("clients.other.%d", client), Data: []byte(created)},
		"account that cannot be":         {Subject: fmt.Sprintf("clients.Not_An_Account.%d", client), Data: []byte(created)},
		"client that is no number":       {Subject: "clients.default.x", Data: []byte(created)},
		"client with leading zero":       {Subject: fmt.Sprintf("clients.default.0%d", client), Data: []byte(created)},
		"client past 2^63":               {Subject: "clients.default.9223372036854775808", Data: []byte(created)},
		"envelope on a deep subject":     {Subject: "clients.x.y.z", Header: without(), Data: []byte(created)},
		"headers of something else":      {Subject: existing, Header: nats.Header{"X-Test": {"1"}}, Data: []byte(created)},
		"event of another service":       {Subject: existing, Header: foreign, Data: []byte(created)},
		"half an envelope: type":         {Subject: existing, Header: without("ce-type"), Data: []byte(created)},
		"half an envelope: specversion":  {Subject: existing, Header: without("ce-specversion"), Data: []byte(created)},
		"half an envelope: id":           {Subject: existing, Header: without("ce-id"), Data: []byte(created)},
		"half an envelope: checksum":     {Subject: existing, Header: without("ce-checksum"), Data: []byte(created)},
		"half an envelope: type alone":   {Subject: existing, Header: nats.Header{"ce-type": {"clients.v1.ClientDeleted"}}},
		"half an envelope: version only": {Subject: unknown, Header: nats.Header{"ce-clientversion": {"1"}}, Data: []byte(created)},
	}
}

func TestStrayMessagesAreSkipped(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	tap := a.tap()
	for name, stray := range strays(id) {
		before, skipped := a.list(""), a.counter("clients_stray_messages_total")
		version := a.get(id).CacheVersion
		sequence := tap.publish(stray.Subject, stray.Header, string(stray.Data))
		eventually(t, name+" is counted", func() bool { return a.counter("clients_stray_messages_total") == skipped+1 })
		eventually(t, name+" is logged by sequence", func() bool { return strings.Contains(a.logged.String(), fmt.Sprintf("sequence=%d ", sequence)) })

		require.Equal(t, before, a.list(""), name)
		a.want(404, "GET", path(id+1000), "")
		require.Empty(t, a.want(200, "GET", "/clients", "").header.Get("Warning"), name)
		require.Equal(t, 200, a.ops("/readyz").status, name)

		a.update(id, "<details>after "+name+"</details>") // right behind the stray
		require.Equal(t, "after "+name, a.get(id).Details)
		require.Equal(t, version+1, a.get(id).CacheVersion, name)
	}
	before := a.list("")
	a = a.relaunch()
	require.Equal(t, before, a.list(""))
	require.Zero(t, a.counter("clients_stray_messages_total"), "the snapshot is behind them")
	a.want(200, "POST", togglePath(id), "")
	a.want(200, "DELETE", path(id), "")
}

// A client whose last message is a stray one can be changed by every command.
func TestStrayMessageBehindAClientStopsNoCommand(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	stray := func() { a.tap().publish(fmt.Sprintf("clients.default.%d", id), nil, "stray") }
	for _, key := range []string{"X-None: x", "Idempotency-Key: 7b0f"} {
		stray()
		a.want(200, "PUT", path(id), "<client><name>"+key+"</name></client>", asXML, key)
		stray()
		a.want(200, "POST", togglePath(id), "", key+"0")
	}
	stray()
	tag := a.want(200, "GET", path(id), "").tag()
	stray()
	a.want(200, "DELETE", path(id), "", "If-Match: "+tag)
	stray()
	a.want(404, "GET", path(id), "")
}

// Stray messages may lie where the clients to come will be.
func TestStrayMessagesInFrontOfTheNextIDs(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, ahead := range []int64{1, 2, 3, 5} {
		a.tap().publish(fmt.Sprintf("clients.default.%d", id+ahead), nil, "stray")
	}
	next := a.named("Next")
	require.Greater(t, next, id)
	a.tap().publish(fmt.Sprintf("clients.default.%d", next+1), nil, "stray")
	keyed := a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f")
	require.Greater(t, keyed.id(t), next)
	again := a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f")
	require.Equal(t, keyed.id(t), again.id(t))
	require.Equal(t, []string{"Next", "SuprCorp", "SuprCorp"}, names(a.list("")))
	a = a.relaunch()
	require.Equal(t, []string{"Next", "SuprCorp", "SuprCorp"}, names(a.list("")))
	a.named("After")
}

func TestStrayMessagesDoNotHoldUpCreations(t *testing.T) {
	t.Parallel()
	a := launch(t)
	nc, err := nats.Connect(a.adminURL())
	require.NoError(t, err)
	defer nc.Close()
	for id := 1; id < 100; id++ {
		require.NoError(t, nc.Publish("clients.default."+strconv.Itoa(id), []byte("hello")))
	}
	require.NoError(t, nc.Publish("clients.default.9223372036854775807", []byte("hello")))
	require.NoError(t, nc.Flush())
	for range 3 {
		require.GreaterOrEqual(t, a.named("SuprCorp"), int64(100))
	}
}
