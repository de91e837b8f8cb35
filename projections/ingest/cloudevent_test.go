package ingest_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// structured is a message in structured mode, with members behind its specversion and source, without headers.
func structured(subject, members string) *nats.Msg {
	return &nats.Msg{Subject: subject, Header: nats.Header{}, Data: fmt.Appendf(nil, `{"specversion":"1.0","source":"/s",%s}`, members)}
}

const structuredCreation = `"id":"e","type":"projects.v1.ProjectCreated","data":{"id":7,"client_id":1}`

// In all of them project 7 of client 1 is created, by event "e" of source "/s".
func TestModesOfCloudEvents(t *testing.T) {
	t.Parallel()
	creation := func(headers ...string) *nats.Msg {
		m := structured("projects.acme.7", structuredCreation)
		for n := 0; n < len(headers); n += 2 {
			with(m, headers[n], headers[n+1])
		}
		return m
	}
	binary := func(headers ...string) *nats.Msg {
		m := creation(append([]string{"ce-type", "projects.v1.ProjectCreated", "ce-id", "e", "ce-source", "/s"}, headers...)...)
		m.Data = []byte(`{"id":7,"client_id":1}`)
		return m
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"id":7,"client_id":1}`))
	for name, m := range map[string]*nats.Msg{
		"structured, no header":          creation(),
		"structured":                     creation("content-type", "application/cloudevents+json"),
		"structured, with parameters":    creation("Content-Type", "Application/CloudEvents+JSON ; Charset=\"utf-8\""),
		"structured, bad parameters":     creation("CONTENT-TYPE", "application/cloudevents+json; charset"),
		"structured, no suffix":          creation("content-type", "application/cloudevents"),
		"structured, headers contradict": creation("content-type", "application/cloudevents+json", "ce-type", "projects.v1.ProjectDeleted", "ce-id", "x"),
		"structured, two content types":  creation("content-type", "application/json", "Content-Type", "application/cloudevents+json"),
		"structured, another type":       creation("content-type", "application/json"),
		"structured, mark of byte order": {Subject: "projects.acme.7", Data: append([]byte("\xEF\xBB\xBF \n"), creation().Data...)},
		"structured, version of null":    {Subject: "projects.acme.7", Data: []byte(`{"specversion":null,"source":"/s",` + structuredCreation + `}`)},
		"structured, version of 1":       {Subject: "projects.acme.7", Data: []byte(`{"specversion":{"major":1},"source":"/s",` + structuredCreation + `}`)},
		"structured, base64":             structured("projects.acme.7", `"id":"e","type":"projects.v1.ProjectCreated","data_base64":"`+encoded+`"`),
		"structured, data in a text":     structured("projects.acme.7", `"id":"e","type":"projects.v1.ProjectCreated","data":"{\"id\":7,\"client_id\":1}"`),
		"structured, odd extensions":     structured("projects.acme.7", `"actor":{},"correlationid":[1],"time":7,"subject":null,"dataschema":1,`+structuredCreation),
		"binary":                         binary(),
		"binary, datacontenttype":        binary("ce-datacontenttype", "application/json"),
		"binary, content type":           binary("content-type", "application/json"),
		"binary, percent-encoded":        binary("ce-source", "%2Fs", "ce-id", "%65"),
		"binary, in capitals":            {Subject: "projects.acme.7", Header: nats.Header{"CE-TYPE": {"projects.v1.ProjectCreated"}, "CE-ID": {"e"}, "Ce-Source": {"/s"}}, Data: binary().Data},
		"binary, data like an event":     {Subject: "projects.acme.7", Header: binary().Header, Data: []byte(`{"specversion":"1.0","type":"projects.v1.ProjectDeleted","client_id":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := ingest.Interpret(read(m))
			require.NoError(t, err)
			require.Equal(t, domain.Created, event.Operation)
			require.Equal(t, []int64{7, 1}, []int64{event.ID, event.ClientID})
			require.Equal(t, "/s\ne", event.EventID)
			require.Equal(t, "e", event.CausationID)
		})
	}
}

func TestExtensionsOfStructuredEventsAreStored(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.createClient()
	r.publish(structured("invoices.acme.1", `"id":"e","type":"invoices.v1.InvoiceCreated","actor":"Jürgen","correlationid":"c",
		"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"client_id":1,"kind":"task"}`))
	r.awaitIngested()
	change := r.stored()[1]
	require.Equal(t, []string{"Jürgen", "c", "e"}, []string{change.Actor, change.CorrelationID, change.CausationID})
	require.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", change.Traceparent)
}

// The id alone counts for an event without a source.
func TestDuplicatesAreRecognisedBySourceAndID(t *testing.T) {
	t.Parallel()
	off := func(source string) *nats.Msg {
		m := project("Toggled", 7, `"active":false`)
		return without(with(with(m, "ce-source", source), "ce-id", "e"), "ce-checksum")
	}
	on := func(source string) *nats.Msg {
		m := off(source)
		m.Data = []byte(`{"id":7,"active":true}`)
		return m
	}
	r := oneReplica(t)
	one := r.createClient()
	r.publish(project("Created", 7, `"client_id":1`), off("/a"))
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one))
	r.publish(on("/a"))
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one), "it is known")
	r.publish(on("/b"))
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one), "another source")
	r.publish(off(""))
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one), "no source")
	r.publish(on(""), structured("projects.acme.7", `"source":"/b","id":"e","type":"projects.v1.ProjectToggled","data":{"active":true}`))
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one), "both are known, in whichever mode")
	eventually(t, "all are counted", func() bool { return r.count("clients_source_duplicates_total", "PROJECTS") == 3 })
	require.Empty(t, r.quarantined())
}

// Reference events of earlier releases have the id alone.
func TestDuplicatesOfEventsThatAnEarlierReleaseRecorded(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	m := project("Created", 7, `"client_id":1`)
	event, err := ingest.Interpret(read(m))
	require.NoError(t, err)
	event.EventID, event.Subject = m.Header.Get("ce-id"), one
	end := event
	end.EventID, end.Operation, end.Source.Sequence = "end", domain.Deleted, event.Source.Sequence+1
	last, err := r.store.AppendBatch(r.deadline(), []eventstore.Entry{{Reference: event}, {Reference: end}})
	require.NoError(t, err)
	require.NoError(t, r.directory.Await(r.deadline(), last))
	r.publish(m)
	require.Zero(t, r.references(one))
	eventually(t, "it is counted", func() bool { return r.count("clients_source_duplicates_total") == 1 })
}

func TestAnInvalidTraceparentIsIgnored(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.createClient()
	r.publish(structured("invoices.acme.1", `"id":"e","type":"invoices.v1.InvoiceCreated","traceparent":"00-0\r\nce-id: x","data":{"client_id":1,"kind":"task"}`))
	r.awaitIngested()
	require.Empty(t, r.stored()[1].Traceparent)
}
