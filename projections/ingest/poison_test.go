package ingest

import (
	"testing"

	"clients/domain"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestWhatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason  Reason
		message *nats.Msg
	}{
		"no headers":             {Unreadable, &nats.Msg{Subject: "projects.acme.7", Data: []byte(`{"id":7,"client_id":1}`)}},
		"no type":                {Unreadable, without(project("Created", 7, `"client_id":1`), "ce-type")},
		"blank type":             {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type", "")},
		"type without a value":   {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type")},
		"wrong checksum":         {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "0123456789abcdef")},
		"checksum that is none":  {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "x")},
		"checksum of other data": {Unreadable, &nats.Msg{Subject: "projects.acme.7", Header: project("Created", 7, `"client_id":1`).Header, Data: []byte(`{"id":7,"client_id":2}`)}},
		"another type":           {UnknownType, event("projects.v1.ProjectRenamed", "projects.acme.7", `{"id":7}`)},
		"a newer type":           {UnknownType, event("projects.v2.ProjectCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"an invoice's type":      {UnknownType, event("invoices.v1.InvoiceCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"a client's type":        {UnknownType, event("clients.v1.ClientDeleted", "projects.acme.7", `{"id":7}`)},
		"type in another case":   {UnknownType, event("PROJECTS.V1.PROJECTCREATED", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"half of the data":       {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7`)},
		"data and more":          {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7}{"id":7}`)},
		"a list":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `[{"id":7}]`)},
		"a text":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `"7"`)},
		"XML":                    {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `<project><id>7</id></project>`)},
		"binary":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", "\x00\xFF\xFE")},
		"id of another":          {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":8}`)},
		"batch":                  {Unreadable, with(event("projects.v1.ProjectCreated", "projects.acme.7", `[]`), "Content-Type", "application/cloudevents-batch+json; charset=utf-8")},
		"batch without headers":  {Unreadable, &nats.Msg{Subject: "projects.acme.7", Data: []byte(`[{"specversion":"1.0","type":"projects.v1.ProjectCreated","data":{"client_id":1}}]`)}},
		"another event format":   {Unreadable, with(project("Created", 7, `"client_id":1`), "content-type", "application/cloudevents+avro")},
		"no id anywhere":         {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.seven", `{}`)},
		"no account":             {Unreadable, event("projects.v1.ProjectDeleted", "projects", `{"id":7}`)},
		"base64 that is none":    {Unreadable, structured("projects.acme.7", `"type":"projects.v1.ProjectCreated","data_base64":"{}"`)},
		"structured, no type":    {Unreadable, structured("projects.acme.7", `"data":{"client_id":1}`)},
		"structured, a list":     {Unreadable, with(event("", "projects.acme.7", `[]`), "content-type", "application/cloudevents+json")},
		"structured, other type": {UnknownType, structured("projects.acme.7", `"type":"projects.v1.ProjectRenamed","data":{"client_id":1}`)},
		"subject with 0":         {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.0", `{"id":0}`)},
		"no such account":        {Unreadable, event("projects.v1.ProjectDeleted", "projects.ACME.7", `{"id":7}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requirePoison(t, c.reason, read(c.message))
		})
	}
}

func requirePoison(t *testing.T, reason Reason, m upstream.Message) {
	t.Helper()
	fact, err := understood(m)
	var poison *Poison
	require.ErrorAs(t, err, &poison)
	require.Equal(t, reason, poison.Reason, "%v", err)
	require.Equal(t, domain.NoReference, fact.Kind, "what is not understood teaches nothing")
	require.Equal(t, domain.Position{Stream: m.Stream, Created: storedAt, Sequence: 5, Generation: 1}, fact.Source)
	require.LessOrEqual(t, len(poison.Detail), maxDetail+3)
}

// understood returns what interpret has learned, or why it has learned nothing.
func understood(m upstream.Message) (domain.ReferenceEvent, error) {
	i := interpret(m)
	if i.unreadable != nil {
		return i.event, i.unreadable
	}
	return i.event, nil
}

func TestAPanicMakesAMessageUnreadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, &Poison{Unreadable, "panic: a fault"}, guard(func() *Poison { panic("a fault") }))
}
