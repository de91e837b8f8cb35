package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document has each type of event that the service stores, and each stored message matches it, without further headers and
// attributes. ClientErased, which a command of the administrator alone stores, is in TestAnErasureLeavesNothingBehind.
func TestAsyncAPIIsWhatTheServiceSends(t *testing.T) {
	t.Parallel()
	a := shared(t)
	c := readAsyncAPI(t, a.service.on(t).at(a.service.ops).read)
	require.Equal(t, readFile(t, "transport/contracts/EVENTS.md"), a.service.on(t).at(a.service.ops).read("/EVENTS.md").body, "AsyncAPI refers to it")
	id := a.createFrom("<name>SuprCorp</name><highrise-id>4</highrise-id>")
	a.update(id, "<name>Other</name><highrise-id></highrise-id><details>x</details><currency>Euro - EUR</currency>")
	a.want(http.StatusOK, "POST", path(id)+"/toggle", "", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	a.invoice("InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`, id))
	a.want(http.StatusBadRequest, "DELETE", path(id), "") // returns when the invoice's event has been read
	a.invoice("InvoiceDeleted", 1, "")
	a.want(http.StatusOK, "DELETE", path(id), "")

	seen := map[string]bool{"clients.v1.ClientErased": true}
	for _, m := range a.events() {
		c.validEvent(m)
		seen[m.header.Get("ce-type")] = true
	}
	require.Equal(t, sortedKeys(c.eventTypes()), sortedKeys(seen), "an event that is in the document is never sent")
}

// The service accepts each of the document's examples of other services' events.
func TestAsyncAPIIsWhatTheServiceReads(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := readAsyncAPI(t, a.operations)
	require.EqualValues(t, 1, a.create("SuprCorp"))
	js := a.partner(t)
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
				publishEvent(t, js, fmt.Sprintf("%s.default.%v", channel, payload["id"]), message["name"].(string), string(data))
				read++
			}
		}
	}
	require.Equal(t, 8, read)
	require.Contains(t, a.want(http.StatusBadRequest, "DELETE", "/clients/1", "").header.Get("Hint"), "1 inactive project", "the one of the two that was not deleted")
	require.Zero(t, a.metric("clients_quarantined_total"))
	require.Contains(t, a.want(200, "GET", "/clients/1.json", "").body, `"last_invoice_kind":"free_form"`)
}
