package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each type of event that the service sends is in the document, and each message in the stream is as it says, with no
// header and no attribute beside.
func TestAsyncAPIIsWhatTheServiceSends(t *testing.T) {
	t.Parallel()
	a := launch(t)
	c := readContract(t, a.ops("/asyncapi.yaml"))
	id := a.create("<name>SuprCorp</name><highrise-id>4</highrise-id>")
	a.update(id, "<name>Other</name><highrise-id></highrise-id><details>x</details><currency>Euro - EUR</currency>")
	a.want(http.StatusOK, "POST", path(id)+"/toggle", "", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	stream := a.tap()
	stream.say(invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`, id)))
	a.want(http.StatusBadRequest, "DELETE", path(id), "") // answers when the invoice is taken in
	stream.say(invoice("Deleted", 1, ""))
	a.want(http.StatusOK, "DELETE", path(id), "")

	known := make(map[string]string)
	messages, _ := c.at("channels", "clients", "messages")
	for name := range messages {
		message, pointer := c.at("channels", "clients", "messages", name)
		known[message["name"].(string)] = pointer
	}
	seen := make(map[string]bool)
	for _, m := range stream.messages() {
		if !strings.HasPrefix(m.subject, "clients.") {
			continue
		}
		kind := m.header.Get("ce-type")
		pointer, there := known[kind]
		require.True(t, there, "%s is not in the document", kind)
		seen[kind] = true
		schema, at := c.at(append(steps(pointer), "headers")...)
		headers := make(map[string]any)
		for name := range m.header {
			if strings.HasPrefix(name, "Nats-") && name != "Nats-Msg-Id" { // between the service and NATS
				continue
			}
			require.Contains(t, schema["properties"], name, kind)
			headers[name] = m.header.Get(name)
		}
		c.valid(at, headers, kind)
		_, at = c.at(append(steps(pointer), "payload")...)
		c.validJSON(at, m.data, kind)
	}
	require.Equal(t, sortedKeys(known), sortedKeys(seen), "an event that is in the document is never sent")
}

// What the document gives as examples of other services' events is understood, each one.
func TestAsyncAPIIsWhatTheServiceReads(t *testing.T) {
	t.Parallel()
	a := launch(t)
	c := readContract(t, a.ops("/asyncapi.yaml"))
	require.EqualValues(t, 1, a.named("SuprCorp"))
	stream := a.tap()
	read := 0
	for channel, order := range map[string][]string{
		"projects": {"ProjectCreated", "ProjectUpdated", "ProjectToggled", "ProjectDeleted"},
		"invoices": {"InvoiceCreated", "InvoiceUpdated", "InvoiceDeleted"},
	} {
		messages, _ := c.at("channels", channel, "messages")
		require.Len(t, messages, len(order))
		for _, name := range order {
			message, pointer := c.at("channels", channel, "messages", name)
			_, at := c.at(append(steps(pointer), "payload")...)
			for _, example := range message["examples"].([]any) {
				payload := example.(map[string]any)["payload"].(map[string]any)
				c.valid(at, payload, name)
				data, err := json.Marshal(payload)
				require.NoError(t, err)
				stream.say(said{message["name"].(string), fmt.Sprintf("%s.default.%v", channel, payload["id"]), string(data)})
				read++
			}
		}
	}
	require.Equal(t, 8, read)
	require.Contains(t, a.want(http.StatusBadRequest, "DELETE", "/clients/1", "").header.Get("Hint"), "1 inactive project", "the one of the two that was not deleted")
	for _, stream := range []string{"PROJECTS", "INVOICES"} {
		for _, reason := range []string{"unreadable", "unknown-type", "unknown-client"} {
			require.Zero(t, a.labelled("clients_quarantined_total", `reason="`+reason+`",stream="`+stream+`"`))
		}
	}
	require.Contains(t, a.want(200, "GET", "/clients/1.json", "").body, `"last_invoice_kind":"free_form"`)
}
