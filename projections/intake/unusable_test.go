package intake

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestWhatCannotBeUsed(t *testing.T) {
	t.Parallel()
	huge, _ := json.Marshal(map[string]any{"client_id": strings.Repeat("9", 1<<19)})
	for name, c := range map[string]struct {
		reason  Reason
		message *nats.Msg
	}{
		"no headers":             {Unreadable, &nats.Msg{Subject: "projects.acme.7", Data: []byte(`{"id":7,"client_id":1}`)}},
		"no type":                {Unreadable, without(project("Created", 7, `"client_id":1`), "ce-type")},
		"blank type":             {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type", "")},
		"type without a value":   {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-type")},
		"another CloudEvents":    {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-specversion", "2.0")},
		"structured mode":        {Unreadable, &nats.Msg{Subject: "projects.acme.7", Header: nats.Header{"content-type": {"application/cloudevents+json"}}, Data: []byte(`{"specversion":"1.0","type":"projects.v1.ProjectCreated","data":{"id":7}}`)}},
		"wrong checksum":         {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "0123456789abcdef")},
		"checksum that is none":  {Unreadable, with(project("Created", 7, `"client_id":1`), "ce-checksum", "x")},
		"checksum of other data": {Unreadable, &nats.Msg{Subject: "projects.acme.7", Header: project("Created", 7, `"client_id":1`).Header, Data: []byte(`{"id":7,"client_id":2}`)}},
		"another type":           {UnknownType, event("projects.v1.ProjectRenamed", "projects.acme.7", `{"id":7}`)},
		"a newer type":           {UnknownType, event("projects.v2.ProjectCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"an invoice's type":      {UnknownType, event("invoices.v1.InvoiceCreated", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"a client's type":        {UnknownType, event("clients.v1.ClientDeleted", "projects.acme.7", `{"id":7}`)},
		"type in another case":   {UnknownType, event("PROJECTS.V1.PROJECTCREATED", "projects.acme.7", `{"id":7,"client_id":1}`)},
		"no data":                {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", "")},
		"half of the data":       {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7`)},
		"data and more":          {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7}{"id":7}`)},
		"a list":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `[{"id":7}]`)},
		"a text":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `"7"`)},
		"XML":                    {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `<project><id>7</id></project>`)},
		"binary":                 {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", "\x00\xFF\xFE")},
		"huge":                   {Unreadable, event("projects.v1.ProjectUpdated", "projects.acme.7", string(huge))},
		"id as a text":           {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":"7"}`)},
		"id of another":          {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":8}`)},
		"id with a fraction":     {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7.5}`)},
		"id too great":           {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":9223372036854775808}`)},
		"client as a text":       {Unreadable, project("Created", 7, `"client_id":"1"`)},
		"client null":            {Unreadable, project("Created", 7, `"client_id":null`)},
		"client missing":         {Unreadable, project("Created", 7, ``)},
		"client 0":               {Unreadable, project("Updated", 7, `"client_id":0`)},
		"client negative":        {Unreadable, project("Updated", 7, `"client_id":-1`)},
		"invoice of no client":   {Unreadable, invoice("Created", 7, `"kind":"task"`)},
		"active as a text":       {Unreadable, project("Created", 7, `"client_id":1,"active":"true"`)},
		"active as a number":     {Unreadable, project("Toggled", 7, `"active":1`)},
		"toggled to nothing":     {Unreadable, project("Toggled", 7, ``)},
		"toggled to null":        {Unreadable, project("Toggled", 7, `"active":null`)},
		"kind as a number":       {Unreadable, invoice("Updated", 7, `"kind":1`)},
		"endless kind":           {Unreadable, invoice("Updated", 7, `"kind":"%s"`, strings.Repeat("a", 2000))},
		"no such day":            {Unreadable, invoice("Updated", 7, `"period_start":"2011-02-29","period_end":"2011-12-31"`)},
		"a day and a time":       {Unreadable, invoice("Updated", 7, `"period_start":"2011-01-01T00:00:00Z","period_end":"2011-12-31"`)},
		"a day written shortly":  {Unreadable, invoice("Updated", 7, `"period_start":"2011-1-1","period_end":"2011-12-31"`)},
		"a period backwards":     {Unreadable, invoice("Updated", 7, `"period_start":"2012-01-01","period_end":"2011-12-31"`)},
		"one end that is no day": {Unreadable, invoice("Updated", 7, `"period_end":"soon"`)},
		"a period as numbers":    {Unreadable, invoice("Updated", 7, `"period_start":20110101,"period_end":20111231`)},
		"subject without an id":  {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme", `{"id":7}`)},
		"subject too deep":       {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.7.8", `{"id":7}`)},
		"subject with a name":    {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.seven", `{"id":7}`)},
		"subject with 0":         {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.0", `{"id":0}`)},
		"subject with a sign":    {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.+7", `{"id":7}`)},
		"subject with a 0 ahead": {Unreadable, event("projects.v1.ProjectDeleted", "projects.acme.07", `{"id":7}`)},
		"no such account":        {Unreadable, event("projects.v1.ProjectDeleted", "projects.ACME.7", `{"id":7}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireUnusable(t, c.reason, read(c.message))
		})
	}
}

func requireUnusable(t *testing.T, reason Reason, m eventstore.SourceMessage) {
	t.Helper()
	fact, err := interpret(m)
	var unusable *Unusable
	require.ErrorAs(t, err, &unusable)
	require.Equal(t, reason, unusable.Reason, "%v", err)
	require.Equal(t, domain.Nothing, fact.Thing, "what is not understood teaches nothing")
	require.Equal(t, domain.Position{Stream: m.Stream, Created: storedAt, Sequence: 5, Round: 1}, fact.Source)
	back := readUnusable(err.Error())
	require.Equal(t, reason, back.Reason)
	require.LessOrEqual(t, len(back.Detail), maxDetail+3)
}

func TestReasonsSurviveTheirText(t *testing.T) {
	t.Parallel()
	require.Equal(t, &Unusable{DeletedClient, "client 7"}, readUnusable(unusablef(DeletedClient, "client %d", 7).Error()))
	require.Equal(t, &Unusable{Unreadable, "panic occurred: 1"}, readUnusable("panic occurred: 1\nstack"))
	require.False(t, unusable(errors.New("unreadable: not really")))
}
