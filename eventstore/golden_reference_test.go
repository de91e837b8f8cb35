package eventstore_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// goldenReferences are reference events as they are stored. Add entries, never edit one: these bytes are in existing streams.
var goldenReferences = []struct {
	name    string
	change  func(*domain.ReferenceEvent)
	kind    string
	subject string
	data    string
	sum     string
}{
	{
		"a project with everything",
		func(f *domain.ReferenceEvent) {
			f.Kind, f.Operation, f.ID, f.ClientID, f.Active = domain.Project, domain.Created, 5, 11072, new(true)
		},
		"client-references.v1.ProjectRecorded", "client-references.acme.11072",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"stored_at":"2026-11-23T09:26:41.5Z","event_id":"Ereignis <1> & \"2\""},"recorder":"replica-1","change":"created","id":5,"client_id":11072,"active":true}`,
		"7e9bd3bc352b8161",
	}, {
		"a project that was deactivated",
		func(f *domain.ReferenceEvent) {
			f.Kind, f.Operation, f.ID, f.Active = domain.Project, domain.Changed, 5, new(false)
		},
		"client-references.v1.ProjectRecorded", "client-references.acme.11072",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"stored_at":"2026-11-23T09:26:41.5Z","event_id":"Ereignis <1> & \"2\""},"recorder":"replica-1","change":"changed","id":5,"active":false}`,
		"16fdca05fe1335ef",
	}, {
		"a project that was deleted, in a later generation",
		func(f *domain.ReferenceEvent) {
			f.Kind, f.Operation, f.ID, f.Source.Generation = domain.Project, domain.Deleted, 5, 2
		},
		"client-references.v1.ProjectRecorded", "client-references.acme.11072",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"round":2,"stored_at":"2026-11-23T09:26:41.5Z","event_id":"Ereignis <1> & \"2\""},"recorder":"replica-1","change":"deleted","id":5}`,
		"5b0ad273cf7b219a",
	}, {
		"an invoice with everything",
		func(f *domain.ReferenceEvent) {
			f.Source.Stream, f.Kind, f.Operation, f.ID, f.ClientID = "INVOICES", domain.Invoice, domain.Created, math.MaxInt64, 11072
			f.InvoiceKind, f.InvoiceTimeframe = "Stück", "20110101,20111231"
		},
		"client-references.v1.InvoiceRecorded", "client-references.acme.11072",
		`{"source":{"stream":"INVOICES","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"stored_at":"2026-11-23T09:26:41.5Z","event_id":"Ereignis <1> & \"2\""},"recorder":"replica-1","change":"created","id":9223372036854775807,"client_id":11072,"kind":"Stück","timeframe":"20110101,20111231"}`,
		"d8fe9075ec2e198d",
	}, {
		"late",
		func(f *domain.ReferenceEvent) {
			f.Kind, f.Operation, f.ID, f.ClientID, f.Late = domain.Invoice, domain.Changed, 5, 11072, true
		},
		"client-references.v1.InvoiceRecorded", "client-references.acme.11072",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"stored_at":"2026-11-23T09:26:41.5Z","event_id":"Ereignis <1> & \"2\""},"recorder":"replica-1","late":true,"change":"changed","id":5,"client_id":11072}`,
		"caed7d81f0ea3d08",
	}, {
		"a position passed",
		func(f *domain.ReferenceEvent) { passed(f) },
		"client-references.v1.PositionPassed", "client-references.PASSED.PROJECTS",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"stored_at":"2026-11-23T09:26:41.5Z"},"recorder":"replica-1"}`,
		"6afa7354e2e45114",
	}, {
		"the position of expired messages passed",
		func(f *domain.ReferenceEvent) { passed(f); f.StoredAt = time.Time{} },
		"client-references.v1.PositionPassed", "client-references.PASSED.PROJECTS",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17},"recorder":"replica-1"}`,
		"207a1cb18011504d",
	}, {
		"a position passed, with the one before",
		func(f *domain.ReferenceEvent) { passed(f); f.Previous = 15 },
		"client-references.v1.PositionPassed", "client-references.PASSED.PROJECTS",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":17,"previous":15,"stored_at":"2026-11-23T09:26:41.5Z"},"recorder":"replica-1"}`,
		"1225d4d0f778949e",
	}, {
		"a stream that was rewound",
		func(f *domain.ReferenceEvent) {
			passed(f)
			f.Operation, f.Source.Sequence, f.Source.Generation, f.StoredAt = domain.Rewound, 0, 1, time.Time{}
		},
		"client-references.v1.PositionPassed", "client-references.PASSED.PROJECTS",
		`{"source":{"stream":"PROJECTS","created":"2026-11-01T08:00:00.000000001Z","sequence":0,"round":1},"recorder":"replica-1","change":"rewound"}`,
		"97a6fecd1ad61615",
	},
}

// passed changes a reference event to one without a client.
func passed(f *domain.ReferenceEvent) { f.Account, f.Subject, f.EventID = "", 0, "" }

func goldenReference(change func(*domain.ReferenceEvent)) domain.ReferenceEvent {
	f := domain.ReferenceEvent{
		Source:   domain.Position{Stream: "PROJECTS", Created: time.Date(2026, 11, 1, 8, 0, 0, 1, time.UTC), Sequence: 17},
		StoredAt: time.Date(2026, 11, 23, 9, 26, 41, 500_000_000, time.UTC), EventID: `Ereignis <1> & "2"`,
		Account: "acme", Subject: 11072, Replica: "replica-1", CorrelationID: "request 1", CausationID: "zwölf\r\n",
	}
	change(&f)
	return f
}

const goldenReferenceID = "PROJECTS:1793520000000000001:17"

func TestReferencesKeepTheirStoredBytes(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 26, 42, 123456789, time.UTC)
	for _, g := range goldenReferences {
		t.Run(g.name, func(t *testing.T) {
			msg, err := eventstore.EncodeReference(goldenReference(g.change), goldenReferenceID, at)
			require.NoError(t, err)
			require.Equal(t, g.data, string(msg.Data))
			require.Equal(t, g.subject, msg.Subject)
			want := nats.Header{
				"Nats-Msg-Id":      {goldenReferenceID},
				"ce-specversion":   {"1.0"},
				"ce-id":            {goldenReferenceID},
				"ce-type":          {g.kind},
				"ce-source":        {"/clients"},
				"ce-subject":       {"11072"},
				"ce-time":          {"2026-11-23T09:26:42.123456789Z"},
				"ce-correlationid": {"request%201"},
				"ce-causationid":   {"zw%C3%B6lf%0D%0A"},
				"ce-checksum":      {g.sum},
				"content-type":     {"application/json"},
			}
			if strings.Contains(g.subject, "PASSED") {
				delete(want, "ce-subject")
			}
			require.Equal(t, want, msg.Header)
		})
	}
}

func TestStoredReferencesAreRead(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 26, 43, 0, time.UTC)
	for _, g := range goldenReferences {
		t.Run(g.name, func(t *testing.T) {
			reference := goldenReference(g.change)
			msg, err := eventstore.EncodeReference(reference, goldenReferenceID, at)
			require.NoError(t, err)
			record, err := eventstore.Decode(17, at, msg.Subject, msg.Header, msg.Data)
			require.NoError(t, err)
			require.Equal(t, eventstore.Record{Sequence: 17, Subject: msg.Subject, StoredAt: at, Type: msg.Header.Get("ce-type"), Reference: &reference}, record)
		})
	}
}
