package ingest_test

import (
	"strings"
	"testing"

	"clients/domain"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The events of other services, and the references of clients 1 and 2 after them.
func TestReferencesAfterEvents(t *testing.T) {
	t.Parallel()
	none, active, inactive, billed := domain.References{}, domain.References{ActiveProjects: 1}, domain.References{InactiveProjects: 1}, domain.References{Invoices: 1}
	first := project("Created", 7, `"client_id":1`)
	for name, c := range map[string]struct {
		events   []*nats.Msg
		one, two domain.References
	}{
		"nothing":              {nil, none, none},
		"project":              {list(project("Created", 7, `"client_id":1`)), active, none},
		"project, active null": {list(project("Created", 7, `"client_id":1,"active":null`)), active, none},
		"project, inactive":    {list(project("Created", 7, `"client_id":1,"active":false`)), inactive, none},
		"project, archived":    {list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"active":false`)), inactive, none},
		"project, toggled":     {list(project("Created", 7, `"client_id":1`), project("Toggled", 7, `"active":false`)), inactive, none},
		"project, toggled, on": {list(project("Created", 7, `"client_id":1,"active":false`), project("Toggled", 7, `"active":true`)), active, none},
		"project, renamed":     {list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"name":"B"`)), active, none},
		"project, moved":       {list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"client_id":2`)), none, active},
		"project, moved, archived at once": {
			list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"client_id":2,"active":false`)), none, inactive,
		},
		"project, moved there and back": {
			list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"client_id":2`), project("Updated", 7, `"client_id":1`)), active, none,
		},
		"project, moved to an unknown client":   {list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"client_id":99`)), active, none},
		"project, client null":                  {list(project("Created", 7, `"client_id":1`), project("Updated", 7, `"client_id":null,"active":false`)), inactive, none},
		"project, deleted":                      {list(project("Created", 7, `"client_id":1`), project("Deleted", 7, "")), none, none},
		"project, deleted of another":           {list(project("Created", 7, `"client_id":1`), project("Deleted", 7, `"client_id":2`)), none, none},
		"project, deleted of an unknown client": {list(project("Created", 7, `"client_id":1`), project("Deleted", 7, `"client_id":99`)), none, none},
		"project, deleted, toggled":             {list(project("Created", 7, `"client_id":1`), project("Deleted", 7, ""), project("Toggled", 7, `"active":true`)), none, none},
		"project, deleted, made again":          {list(project("Created", 7, `"client_id":1`), project("Deleted", 7, ""), project("Created", 7, `"client_id":2`)), none, active},
		"project, first seen late":              {list(project("Updated", 7, `"client_id":1`)), active, none},
		"project, first seen late, off":         {list(project("Toggled", 7, `"client_id":1,"active":false`)), inactive, none},
		"project, moved before its creation":    {list(project("Updated", 7, `"client_id":2`), project("Created", 7, `"client_id":1`)), none, active},
		"project, moved before its creation, off": {
			list(project("Updated", 7, `"client_id":2`), project("Created", 7, `"client_id":1,"active":false`)), none, inactive,
		},
		"project, archived before its creation": {list(project("Toggled", 7, `"client_id":1,"active":false`), project("Created", 7, `"client_id":1`)), inactive, none},
		"project, changed, made, deleted, made": {
			list(project("Updated", 7, `"client_id":2`), project("Created", 7, `"client_id":1`), project("Deleted", 7, ""), project("Created", 7, `"client_id":1`)), active, none,
		},
		"project, repeated":            {list(first, project("Toggled", 7, `"active":false`), first), inactive, none},
		"project, repeated after end":  {list(first, project("Deleted", 7, ""), first), none, none},
		"project of an unknown client": {list(project("Created", 7, `"client_id":99`)), none, none},
		"project of client 0":          {list(project("Created", 7, `"client_id":0`)), none, none},
		"projects": {
			list(project("Created", 7, `"client_id":1`), project("Created", 8, `"client_id":1,"active":false`), project("Created", 9, `"client_id":2`)),
			domain.References{ActiveProjects: 1, InactiveProjects: 1}, active,
		},
		"invoice":                            {list(invoice("Created", 7, `"client_id":1`)), billed, none},
		"invoice, moved":                     {list(invoice("Created", 7, `"client_id":1`), invoice("Updated", 7, `"client_id":2`)), none, billed},
		"invoice, changed":                   {list(invoice("Created", 7, `"client_id":1`), invoice("Updated", 7, `"kind":"task"`)), billed, none},
		"invoice, deleted":                   {list(invoice("Created", 7, `"client_id":1`), invoice("Deleted", 7, "")), none, none},
		"invoice, moved before its creation": {list(invoice("Updated", 7, `"client_id":2`), invoice("Created", 7, `"client_id":1`)), none, billed},
		"invoice, first seen late":           {list(invoice("Updated", 7, `"client_id":1`)), billed, none},
		"invoice, of a number that a project has": {
			list(project("Created", 7, `"client_id":1`), invoice("Created", 7, `"client_id":1`), project("Deleted", 7, "")), billed, none,
		},
		"project of another account": {
			list(event("projects.v1.ProjectCreated", "projects.other.7", `{"id":7,"client_id":1}`)), none, none,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := oneReplica(t)
			one, two := r.createClient(), r.createClient()
			r.publish(c.events...)
			require.Equal(t, c.one, r.references(one))
			require.Equal(t, c.two, r.references(two))
			quarantined := strings.Contains(name, "unknown client") && !strings.Contains(name, "deleted") || strings.Contains(name, "client 0") || strings.Contains(name, "another account")
			require.Equal(t, quarantined, len(r.quarantined()) == 1, "%v", r.quarantined())
		})
	}
}

func TestACreationBehindAChangeOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one, two := r.createClient(), r.createClient()
	r.publish(project("Toggled", 7, `"client_id":2,"active":false`))
	inactive := domain.References{InactiveProjects: 1}
	require.Equal(t, inactive, r.references(two))
	r.publish(project("Created", 7, `"client_id":1`))
	require.Equal(t, inactive, r.references(two))
	require.Equal(t, domain.References{}, r.references(one))
}

func list(messages ...*nats.Msg) []*nats.Msg { return messages }
