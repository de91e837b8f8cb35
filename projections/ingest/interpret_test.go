package ingest_test

import (
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

var storedAt = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// read returns a message as an upstream.Reader returns it.
func read(m *nats.Msg) upstream.Message {
	stream := "PROJECTS"
	if strings.HasPrefix(m.Subject, "invoices") {
		stream = "INVOICES"
	}
	return upstream.Message{
		Stream: stream, Created: storedAt, Sequence: 5, Previous: 4, Generation: 1, StoredAt: storedAt, Subject: m.Subject, Header: m.Header, Data: m.Data,
	}
}

func TestInterpretedEvents(t *testing.T) {
	t.Parallel()
	of := func(f domain.ReferenceEvent) domain.ReferenceEvent {
		f.ID = 7
		return f
	}
	p, i := domain.Project, domain.Invoice
	for name, c := range map[string]struct {
		message *nats.Msg
		want    domain.ReferenceEvent
	}{
		"created":                   {project("Created", 7, `"client_id":1`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(true)}},
		"created inactive":          {project("Created", 7, `"client_id":1,"active":false`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(false)}},
		"created, active null":      {project("Created", 7, `"client_id":1,"active":null`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(true)}},
		"updated, nothing named":    {project("Updated", 7, ""), domain.ReferenceEvent{Kind: p, Operation: domain.Changed}},
		"updated, nulls":            {project("Updated", 7, `"client_id":null,"active":null`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed}},
		"updated, more than needed": {project("Updated", 7, `"name":"B","tags":[1,{"a":null}],"kind":7,"client_id":3`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, ClientID: 3}},
		"whole numbers":             {project("Created", 7, `"client_id":3.0,"active":true`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 3, Active: new(true)}},
		"and with an exponent":      {project("Created", 7, `"client_id":30e-1`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 3, Active: new(true)}},
		"no number of a client":     {project("Created", 7, `"client_id":3.5`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, Active: new(true)}},
		"a text for one":            {project("Created", 7, `"client_id":"3"`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 3, Active: new(true)}},
		"a text with a fraction":    {project("Created", 7, `"client_id":" 3.0 "`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 3, Active: new(true)}},
		"a text for the id":         {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":"7"}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"an id that is none":        {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":"P-7"}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"an id with a fraction":     {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7.5}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"an id too great":           {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":9223372036854775808}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"an id of 0":                {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":0}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"no data":                   {event("projects.v1.ProjectDeleted", "projects.acme.7", ""), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"data null":                 {event("projects.v1.ProjectDeleted", "projects.acme.7", "null"), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"data in a text":            {event("projects.v1.ProjectToggled", "projects.acme.7", `"{\"id\":7,\"active\":false}"`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(false)}},
		"id in the data alone":      {event("projects.v1.ProjectDeleted", "projects.acme", `{"id":7}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"a name in the subject":     {event("projects.v1.ProjectDeleted", "projects.acme.seven", `{"id":7}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"a deeper subject":          {event("projects.v1.ProjectDeleted", "projects.acme.7.deleted", `{"id":7}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"a 0 ahead in the subject":  {event("projects.v1.ProjectDeleted", "projects.acme.07", `{"id":7}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"client null":               {project("Created", 7, `"client_id":null`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, Active: new(true)}},
		"client negative":           {project("Updated", 7, `"client_id":-1`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed}},
		"active as a text":          {project("Created", 7, `"client_id":1,"active":"true"`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(true)}},
		"inactive as a text":        {project("Created", 7, `"client_id":1,"active":" False "`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(false)}},
		"inactive as a number":      {project("Updated", 7, `"active":0`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(false)}},
		"inactive as its text":      {project("Updated", 7, `"active":"0"`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(false)}},
		"active as a number":        {project("Toggled", 7, `"active":1`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(true)}},
		"active as an object":       {project("Updated", 7, `"active":{"since":"2011"}`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(true)}},
		"active as another word":    {project("Created", 7, `"client_id":1,"active":"archived"`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1, Active: new(true)}},
		"toggled to nothing":        {project("Toggled", 7, ``), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(true)}},
		"toggled to null":           {project("Toggled", 7, `"active":null`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(true)}},
		"invoice of no client":      {invoice("Created", 7, `"kind":"task"`), domain.ReferenceEvent{Kind: i, Operation: domain.Created, InvoiceKind: "task"}},
		"kind as a number":          {invoice("Updated", 7, `"kind":1`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"kind of 255 characters":    {invoice("Updated", 7, `"kind":"%s"`, strings.Repeat("ä", 255)), domain.ReferenceEvent{Kind: i, Operation: domain.Changed, InvoiceKind: strings.Repeat("ä", 255)}},
		"kind of 256 characters":    {invoice("Created", 7, `"client_id":1,"kind":"%s"`, strings.Repeat("a", 256)), domain.ReferenceEvent{Kind: i, Operation: domain.Created, ClientID: 1}},
		"no such day":               {invoice("Updated", 7, `"period_start":"2011-02-29","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"a day and a time":          {invoice("Updated", 7, `"period_start":"2011-01-01T00:00:00Z","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"a day written shortly":     {invoice("Updated", 7, `"period_start":"2011-1-1","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"a period as numbers":       {invoice("Updated", 7, `"period_start":20110101,"period_end":20111231`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"a kind that is none":       {invoice("Created", 7, `"client_id":1,"kind":7,"period_start":"2011-01-01","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Created, ClientID: 1, InvoiceTimeframe: "20110101,20111231"}},
		"a period that is none":     {invoice("Created", 7, `"client_id":1,"kind":"task","period_start":"soon","period_end":20111231`), domain.ReferenceEvent{Kind: i, Operation: domain.Created, ClientID: 1, InvoiceKind: "task"}},
		"a period the wrong way":    {invoice("Updated", 7, `"client_id":1,"period_start":"2012-01-01","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed, ClientID: 1}},
		"moved":                     {project("Updated", 7, `"name":"B","tags":[1,{"a":null}],"client_id":3`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, ClientID: 3}},
		"toggled":                   {project("Toggled", 7, `"active":false`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(false)}},
		"toggled of a client":       {project("Toggled", 7, `"active":true,"client_id":2`), domain.ReferenceEvent{Kind: p, Operation: domain.Changed, Active: new(true), ClientID: 2}},
		"deleted":                   {project("Deleted", 7, ""), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"no id in the data":         {event("projects.v1.ProjectDeleted", "projects.acme.7", `{}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"id null":                   {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":null}`), domain.ReferenceEvent{Kind: p, Operation: domain.Deleted}},
		"greatest client":           {project("Created", 7, `"client_id":9223372036854775807`), domain.ReferenceEvent{Kind: p, Operation: domain.Created, ClientID: 1<<63 - 1, Active: new(true)}},
		"invoiced":                  {invoice("Created", 7, `"client_id":1`), domain.ReferenceEvent{Kind: i, Operation: domain.Created, ClientID: 1}},
		"invoiced in full":          {invoice("Created", 7, `"client_id":1,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Created, ClientID: 1, InvoiceKind: "task", InvoiceTimeframe: "20110101,20111231"}},
		"one end of a period":       {invoice("Updated", 7, `"period_start":"2011-01-01"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"the other end":             {invoice("Updated", 7, `"period_start":null,"period_end":"2011-12-31","kind":"free"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed, InvoiceKind: "free"}},
		"blank ends and kind":       {invoice("Updated", 7, `"period_start":"","period_end":"","kind":""`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed}},
		"leap day":                  {invoice("Updated", 7, `"period_start":"2012-02-29","period_end":"2012-02-29"`), domain.ReferenceEvent{Kind: i, Operation: domain.Changed, InvoiceTimeframe: "20120229,20120229"}},
		"ended, whatever its kind":  {invoice("Deleted", 7, `"kind":"task","period_start":"yesterday","period_end":"2011-12-31"`), domain.ReferenceEvent{Kind: i, Operation: domain.Deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := of(c.want)
			want.Source = domain.Position{Stream: read(c.message).Stream, Created: storedAt, Sequence: 5, Generation: 1}
			want.StoredAt, want.Account = storedAt, acme
			id := c.message.Header.Get("ce-id")
			want.EventID, want.CausationID = "/another-service\n"+id, id
			event, err := ingest.Interpret(read(c.message))
			require.NoError(t, err)
			require.Equal(t, want, event)
		})
	}
}

func TestAcceptedEnvelopes(t *testing.T) {
	t.Parallel()
	fine := func() *nats.Msg { return project("Created", 7, `"client_id":1`) }
	capitals := fine()
	capitals.Header.Set("ce-checksum", strings.ToUpper(capitals.Header.Get("ce-checksum")))
	for name, m := range map[string]*nats.Msg{
		"as it should be":        fine(),
		"without a checksum":     without(fine(), "ce-checksum"),
		"with nothing but types": {Subject: "projects.acme.7", Header: nats.Header{"ce-type": {"projects.v1.ProjectCreated"}}, Data: fine().Data},
		"checksum in capitals":   capitals,
		"two-valued type":        with(fine(), "ce-type", "projects.v1.ProjectCreated", "projects.v1.ProjectDeleted"),
		"two-valued source":      with(fine(), "ce-source", "a", "b"),
		"names in another case":  recased(fine()),
		"another CloudEvents":    with(fine(), "ce-specversion", "2.0"),
		"percent-encoded":        without(with(fine(), "ce-type", "%70rojects%2Ev1.ProjectCreated"), "ce-checksum"),
		"quoted":                 without(with(fine(), "ce-type", `"projects.v1.ProjectCreated"`), "ce-checksum"),
		"white space":            without(with(fine(), "ce-type", " projects.v1.ProjectCreated "), "ce-checksum"),
		"odd headers":            with(with(fine(), "Nats-Rollup", "all"), "X", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := ingest.Interpret(read(m))
			require.NoError(t, err)
			require.Equal(t, domain.Created, event.Operation)
			require.Equal(t, int64(1), event.ClientID)
		})
	}
}

// recased returns headers with names as in HTTP, one of them twice.
func recased(m *nats.Msg) *nats.Msg {
	header := nats.Header{"CE-TYPE": {""}}
	for name, values := range m.Header {
		header["C"+strings.ToUpper(name[1:2])+name[2:]] = values
	}
	m.Header = header
	return m
}

func TestADeletedMessageYieldsItsPositionOnly(t *testing.T) {
	t.Parallel()
	event, err := ingest.Interpret(upstream.Message{Stream: "PROJECTS", Created: storedAt, Sequence: 5, Gone: true})
	require.NoError(t, err)
	require.Equal(t, domain.ReferenceEvent{Source: domain.Position{Stream: "PROJECTS", Created: storedAt, Sequence: 5}}, event)
}

func TestIDsOfAnEnvelopeAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60<<10)
	interpreted := func(headers ...string) domain.ReferenceEvent {
		m := without(project("Created", 7, `"client_id":1`), "ce-checksum")
		for n := 0; n < len(headers); n += 2 {
			with(m, headers[n], headers[n+1])
		}
		event, err := ingest.Interpret(read(m))
		require.NoError(t, err)
		return event
	}
	require.Equal(t, "Jürgen 1", interpreted("ce-correlationid", "J%C3%BCrgen%201").CorrelationID)
	require.Equal(t, "100%", interpreted("ce-correlationid", "100%").CorrelationID)
	require.Empty(t, interpreted("ce-correlationid", long).CorrelationID)
	one, two := interpreted("ce-id", long), interpreted("ce-id", long+"y")
	require.Less(t, len(one.EventID), ingest.MaxID)
	require.Less(t, len(one.CausationID), ingest.MaxID)
	require.NotEqual(t, one.EventID, two.EventID)
	require.Equal(t, one.EventID, interpreted("ce-id", long).EventID)
	require.NotEqual(t, interpreted("ce-id", "\xFF").EventID, interpreted("ce-id", "\xFE").EventID)
	require.Equal(t, "/another-service\nid", interpreted("ce-id", "", nats.MsgIdHdr, "id").EventID)
	require.Empty(t, interpreted("ce-id", "").EventID)
}
