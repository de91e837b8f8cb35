package ingest_test

import (
	"testing"

	"clients/domain"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestPoisonMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason  ingest.Reason
		message *nats.Msg
	}{
		"no headers":             {ingest.Unreadable, &nats.Msg{Subject: "projects.acme.7", Data: []byte(`{"id":7,"client_id":1}`)}},
		"no type":                {ingest.Unreadable, without(project("Created", 7, `"client_id":1`), "ce-type")},
		"blank type":             {ingest.Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type", "")},
		"type without a value":   {ingest.Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type")},
		"wrong checksum":         {ingest.Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "0123456789abcdef")},
		"checksum that is none":  {ingest.Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "x")},
		"checksum of other data": {ingest.Unreadable, &nats.Msg{Subject: "projects.acme.7", Header: project("Created", 7, `"client_id":1`).Header, Data: []byte(`{"id":7,"client_id":2}`)}},
		"another type":           {ingest.UnknownType, event("projects.v1.ProjectRenamed", "projects.acme.7", `{"id":7}`)},
		"a newer type":           {ingest.UnknownType, event("projects.v2.ProjectCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"an invoice's type":      {ingest.UnknownType, event("invoices.v1.InvoiceCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"a client's type":        {ingest.UnknownType, event("clients.v1.ClientDeleted", "projects.acme.7", `{"id":7}`)},
		"type in another case":   {ingest.UnknownType, event("PROJECTS.V1.PROJECTCREATED", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"half of the data":       {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7`)},
		"data and more":          {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7}{"id":7}`)},
		"a list":                 {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `[{"id":7}]`)},
		"a text":                 {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `"7"`)},
		"XML":                    {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `<project><id>7</id></project>`)},
		"binary":                 {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", "\x00\xFF\xFE")},
		"id of another":          {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":8}`)},
		"batch":                  {ingest.Unreadable, with(event("projects.v1.ProjectCreated", "projects.acme.7", `[]`), "Content-Type", "application/cloudevents-batch+json; charset=utf-8")},
		"batch without headers":  {ingest.Unreadable, &nats.Msg{Subject: "projects.acme.7", Data: []byte(`[{"specversion":"1.0","type":"projects.v1.ProjectCreated","data":{"client_id":1}}]`)}},
		"another event format":   {ingest.Unreadable, with(project("Created", 7, `"client_id":1`), "content-type", "application/cloudevents+avro")},
		"no id anywhere":         {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.seven", `{}`)},
		"an id out of range":     {ingest.Unreadable, event("projects.v1.ProjectCreated", "projects.acme.9223372036854775808", `{"id":9223372036854775808,"client_id":1}`)},
		"no account":             {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects", `{"id":7}`)},
		"base64 that is none":    {ingest.Unreadable, structured("projects.acme.7", `"type":"projects.v1.ProjectCreated","data_base64":"{}"`)},
		"structured, no type":    {ingest.Unreadable, structured("projects.acme.7", `"data":{"client_id":1}`)},
		"structured, a list":     {ingest.Unreadable, with(event("", "projects.acme.7", `[]`), "content-type", "application/cloudevents+json")},
		"structured, other type": {ingest.UnknownType, structured("projects.acme.7", `"type":"projects.v1.ProjectRenamed","data":{"client_id":1}`)},
		"subject with 0":         {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.0", `{"id":0}`)},
		"no such account":        {ingest.Unreadable, event("projects.v1.ProjectDeleted", "projects.ACME.7", `{"id":7}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requirePoison(t, c.reason, read(c.message))
		})
	}
}

func requirePoison(t *testing.T, reason ingest.Reason, m upstream.Message) {
	t.Helper()
	event, err := ingest.Interpret(m)
	var poison *ingest.Poison
	require.ErrorAs(t, err, &poison)
	require.Equal(t, reason, poison.Reason, "%v", err)
	require.Equal(t, domain.NoReference, event.Kind, "what is not understood teaches nothing")
	require.Equal(t, domain.Position{Stream: m.Stream, Created: storedAt, Sequence: 5, Generation: 1}, event.Source)
	require.LessOrEqual(t, len(poison.Detail), ingest.MaxDetail+3)
}

func TestAPanicMakesAMessageUnreadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, &ingest.Poison{ingest.Unreadable, "panic: a fault"}, ingest.Guard(func() *ingest.Poison { panic("a fault") }))
}
