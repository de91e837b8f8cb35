package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	sdk "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// encoding makes the message of an event. data is JSON.
type encoding func(t *testing.T, kind, data string) *nats.Msg

// encodings are the ways in which services send events: the official SDK for Go, and as other SDKs do.
var encodings = map[string]encoding{
	"SDK for Go, binary":     sdkForGo(binding.WithForceBinary),
	"SDK for Go, structured": sdkForGo(binding.WithForceStructured),
	"SDK for JavaScript":     structured("content-type", "application/cloudevents+json; charset=utf-8", `"data":%s`),
	"SDK for Python":         structured("Content-Type", "application/cloudevents+json", `"datacontenttype":"application/json","data":%s`),
	"a proxy":                structured("CONTENT-TYPE", "Application/CloudEvents+JSON", `"data":%s`),
	"data in base64": func(t *testing.T, kind, data string) *nats.Msg {
		return structured("content-type", "application/cloudevents+json", `"data_base64":"%s"`)(t, kind, base64.StdEncoding.EncodeToString([]byte(data)))
	},
	"data in a string": func(t *testing.T, kind, data string) *nats.Msg {
		text, _ := json.Marshal(data)
		return structured("content-type", "application/cloudevents+json", `"data":%s`)(t, kind, string(text))
	},
	"binary, headers of HTTP": func(t *testing.T, kind, data string) *nats.Msg {
		return &nats.Msg{Data: []byte(data), Header: nats.Header{
			"Ce-Specversion": {"1.0"}, "Ce-Id": {uuid.NewString()}, "Ce-Type": {strings.ReplaceAll(kind, ".", "%2E")}, "Ce-Source": {"/a%20b"}, "Content-Type": {"application/json"},
		}}
	},
	"binary, little of it": func(t *testing.T, kind, data string) *nats.Msg {
		return &nats.Msg{Data: []byte(data), Header: nats.Header{"ce-type": {kind}}}
	},
}

func sdkForGo(mode func(context.Context) context.Context) encoding {
	return func(t *testing.T, kind, data string) *nats.Msg {
		t.Helper()
		e := sdk.New()
		e.SetID(uuid.NewString())
		e.SetSource("/e2e")
		e.SetType(kind)
		require.NoError(t, e.SetData(sdk.ApplicationJSON, json.RawMessage(data)))
		var body bytes.Buffer
		header, err := nats_jetstream.WriteMsg(mode(t.Context()), binding.ToMessage(&e), &body)
		require.NoError(t, err)
		return &nats.Msg{Header: header, Data: body.Bytes()}
	}
}

func structured(header, contentType, member string) encoding {
	return func(t *testing.T, kind, data string) *nats.Msg {
		return &nats.Msg{Header: nats.Header{header: {contentType}}, Data: fmt.Appendf(nil,
			`{"specversion":"1.0","id":"%s","source":"/e2e","type":"%s",%s}`, uuid.NewString(), kind, fmt.Sprintf(member, data))}
	}
}

// stands is a case of an event that prevents the deletion of its client, with the text of the refusal.
type stands struct{ kind, data, hint string }

// In data, $id is the project or invoice and $client the client.
var inTheWay = map[string]stands{
	"project":             {"projects.v1.ProjectCreated", `{"id":$id,"client_id":$client}`, "1 active project"},
	"inactive project":    {"projects.v1.ProjectCreated", `{"id":$id,"client_id":$client,"active":false}`, "1 inactive project"},
	"ids in strings":      {"projects.v1.ProjectCreated", `{"id":"$id","client_id":"$client","active":true}`, "1 active project"},
	"ids with a fraction": {"projects.v1.ProjectCreated", `{"id":$id.0,"client_id":$client.0}`, "1 active project"},
	"no id":               {"projects.v1.ProjectUpdated", `{"client_id":$client}`, "1 active project"},
	"active in a string":  {"projects.v1.ProjectCreated", `{"id":$id,"client_id":$client,"active":"true"}`, "1 active project"},
	"inactive in one":     {"projects.v1.ProjectCreated", `{"id":$id,"client_id":$client,"active":"false"}`, "1 inactive project"},
	"inactive as 0":       {"projects.v1.ProjectToggled", `{"id":$id,"client_id":$client,"active":0}`, "1 inactive project"},
	"active unreadable":   {"projects.v1.ProjectToggled", `{"id":$id,"client_id":$client,"active":["no"]}`, "1 active project"},
	"active left out":     {"projects.v1.ProjectToggled", `{"id":$id,"client_id":$client}`, "1 active project"},
	"invoice":             {"invoices.v1.InvoiceCreated", `{"id":$id,"client_id":$client,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"}`, "1 invoice"},
	"kind too long":       {"invoices.v1.InvoiceCreated", `{"id":$id,"client_id":$client,"kind":"` + strings.Repeat("k", 256) + `"}`, "1 invoice"},
	"kind with NUL":       {"invoices.v1.InvoiceCreated", `{"id":$id,"client_id":$client,"kind":"\u0000"}`, "1 invoice"},
	"kind a number":       {"invoices.v1.InvoiceUpdated", `{"id":$id,"client_id":$client,"kind":7}`, "1 invoice"},
	"no such day":         {"invoices.v1.InvoiceCreated", `{"id":$id,"client_id":$client,"period_start":"2011-02-30","period_end":"soon"}`, "1 invoice"},
}

// In every encoding, an event with the ids of its project or invoice and of its client prevents the client's deletion, until the
// same service publishes that the project or invoice was deleted.
func TestEveryKindOfCloudEventPreventsTheDeletion(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.partner(t)
	id := int64(0)
	send := func(t *testing.T, e encoding, kind, data string, client int64) {
		t.Helper()
		m := e(t, kind, strings.NewReplacer("$id", fmt.Sprint(id), "$client", fmt.Sprint(client)).Replace(data))
		m.Subject = fmt.Sprintf("%s.default.%d", kind[:strings.IndexByte(kind, '.')], id)
		publish(t, js, m)
	}
	for encoded, e := range encodings {
		for name, c := range inTheWay {
			id++
			client := s.create(name)
			send(t, e, c.kind, c.data, client)
			refused := s.want(http.StatusBadRequest, http.MethodDelete, path(client), "")
			require.Contains(t, refused.header.Get("Hint"), c.hint, "%s, %s", encoded, name)
			deleted := map[byte]string{'p': "projects.v1.ProjectDeleted", 'i': "invoices.v1.InvoiceDeleted"}[c.kind[0]]
			send(t, e, deleted, `{"id":"$id"}`, client)
			s.want(http.StatusOK, http.MethodDelete, path(client), "")
		}
	}
	require.Zero(t, s.metric("clients_quarantined_total"))
}

// An event that is sent again is dropped and counted, in whichever mode. Another source may use the same id.
func TestEventsAreDroppedBySourceAndID(t *testing.T) {
	t.Parallel()
	s := start(t)
	client, js := s.create("SuprCorp"), s.partner(t)
	send := func(source, id, kind, data string) {
		publishEvent(t, js, "projects.default.7", "projects.v1."+kind, data, "ce-source: "+source, "ce-id: "+id)
	}
	send("/a", "1", "ProjectCreated", `{"id":7,"client_id":1}`)
	send("/b", "1", "ProjectToggled", `{"id":7,"active":false}`)
	require.Contains(t, s.want(http.StatusBadRequest, http.MethodDelete, path(client), "").header.Get("Hint"), "1 inactive project")
	send("/a", "2", "ProjectDeleted", `{"id":7}`)
	send("/a", "1", "ProjectCreated", `{"id":7,"client_id":1}`)
	publish(t, js, &nats.Msg{Subject: "projects.default.7", Data: []byte(
		`{"specversion":"1.0","id":"1","source":"/a","type":"projects.v1.ProjectCreated","data":{"id":7,"client_id":1}}`)})
	s.want(http.StatusOK, http.MethodDelete, path(client), "")
	eventually(t, func() bool { return s.metric("clients_source_duplicates_total", `stream="PROJECTS"`) == 2 }, "both are counted")
}

// An event that cannot be attributed to a client is stored with its reason, and delays nothing.
func TestEventsThatNameNoClientAreQuarantined(t *testing.T) {
	t.Parallel()
	s := start(t)
	client, js := s.create("SuprCorp"), s.partner(t)
	creation := `{"specversion":"1.0","id":"1","source":"/a","type":"projects.v1.ProjectCreated","data":{"id":7,"client_id":1}}`
	batch := nats.Header{"content-type": {"application/cloudevents-batch+json"}}
	publish(t, js, &nats.Msg{Subject: "projects.default.7", Header: batch, Data: []byte("[" + creation + "]")})
	publish(t, js, &nats.Msg{Subject: "projects.default.7", Data: []byte(strings.Replace(creation, `"client_id":1`, `"client_id":"x"`, 1))})
	publish(t, js, &nats.Msg{Subject: "projects.default.7", Data: []byte(strings.Replace(creation, `"client_id":1`, `"client_id":"99"`, 1))})
	s.want(http.StatusOK, http.MethodDelete, path(client), "")
	listed := run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "quarantine", "list", "--json")
	require.Zero(t, listed.code, listed.stderr)
	lines := strings.Split(listed.stdout, "\n")
	for n, reason := range []string{"it is a batch", "no client_id", "client 99"} {
		require.Contains(t, lines[n], reason)
	}
	require.Contains(t, lines[2], `"type":"projects.v1.ProjectCreated"`)
}

// A client's invoice defaults follow the valid fields of its invoices, and stay when those are deleted.
func TestInvoiceDefaultsFollowValidFields(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, js := s.create("SuprCorp"), s.partner(t)
	defaults := func(kind, timeframe any) {
		t.Helper()
		eventually(t, func() bool {
			a := s.attributes(id)
			return a["last_invoice_kind"] == kind && a["default_invoice_timeframe"] == timeframe
		}, "the defaults are %v and %v", kind, timeframe)
	}
	invoice(t, js, "InvoiceCreated", 9, `"client_id":"1","kind":"task","period_start":"soon","period_end":"2011-12-31"`)
	defaults("task", nil)
	invoice(t, js, "InvoiceUpdated", 9, `"kind":"`+strings.Repeat("k", 256)+`","period_start":"2011-01-01","period_end":"2011-12-31"`)
	defaults("task", "20110101,20111231")
	invoice(t, js, "InvoiceDeleted", 9, "")
	s.want(http.StatusOK, http.MethodPut, path(id), `{"client":{"name":"SuprCorp Ltd"}}`, asJSON)
	defaults("task", "20110101,20111231")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
}
