package eventstore_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// golden are events as they are stored. Add entries, never edit one: these bytes are in existing streams.
var golden = []struct {
	name  string
	event domain.Event
	kind  string
	data  string
	sum   string
}{
	{
		"created with everything",
		domain.ClientCreated{
			ID: 11072, Name: "Süpr <Corp> & \"Söhne\"", HighriseID: 568902, Currency: "Euro - EUR", CurrencySymbol: "€",
			Active: true, Details: "123 Main St.\nNew York\t\u2028",
		},
		"clients.v1.ClientCreated",
		`{"id":11072,"name":"Süpr <Corp> & \"Söhne\"","highrise_id":568902,"currency":"Euro - EUR","currency_symbol":"€","active":true,"details":"123 Main St.\nNew York\t\u2028"}`,
		"38adf6a6fd86f1eb",
	}, {
		"created with the least",
		domain.ClientCreated{ID: 1, Name: "A", Currency: "United States Dollars - USD", CurrencySymbol: "$", Active: true},
		"clients.v1.ClientCreated",
		`{"id":1,"name":"A","highrise_id":null,"currency":"United States Dollars - USD","currency_symbol":"$","active":true,"details":""}`,
		"eec2d1f701ffca1f",
	}, {
		"updated in every attribute",
		domain.ClientUpdated{ID: 1, Name: new("B"), HighriseID: new(int64(7)), Currency: new("Yen - JPY"), CurrencySymbol: new("¥"), Active: new(false), Details: new("")},
		"clients.v1.ClientUpdated",
		`{"id":1,"name":"B","highrise_id":7,"currency":"Yen - JPY","currency_symbol":"¥","active":false,"details":""}`,
		"8b1145da8157e91d",
	}, {
		"updated in one attribute",
		domain.ClientUpdated{ID: 1, Name: new("B")},
		"clients.v1.ClientUpdated",
		`{"id":1,"name":"B"}`,
		"8624164ffe83e0c4",
	}, {
		"updated by clearing",
		domain.ClientUpdated{ID: 1, HighriseID: new(int64(0))},
		"clients.v1.ClientUpdated",
		`{"id":1,"highrise_id":null}`,
		"6ab6ae10704571b8",
	}, {
		"updated by deriving, which no release has stored",
		domain.ClientUpdated{ID: 1, Currency: new("Euro - EUR"), DeriveSymbol: true},
		"clients.v1.ClientUpdated",
		`{"id":1,"currency":"Euro - EUR","currency_symbol":null}`,
		"ccdc0df1a3d8c158",
	}, {
		"toggled",
		domain.ClientToggled{ID: 1, Active: false},
		"clients.v1.ClientToggled",
		`{"id":1,"active":false}`,
		"e51a5c6e1034a8e7",
	}, {
		"invoice defaults changed",
		domain.ClientInvoiceDefaultsChanged{ID: 1, DefaultInvoiceTimeframe: "20110101,20111231", LastInvoiceKind: "task"},
		"clients.v1.ClientInvoiceDefaultsChanged",
		`{"id":1,"default_invoice_timeframe":"20110101,20111231","last_invoice_kind":"task"}`,
		"45be2216a7f9241b",
	}, {
		"one invoice default changed",
		domain.ClientInvoiceDefaultsChanged{ID: 1, LastInvoiceKind: "task"},
		"clients.v1.ClientInvoiceDefaultsChanged",
		`{"id":1,"default_invoice_timeframe":null,"last_invoice_kind":"task"}`,
		"167252bd1d76cb13",
	}, {
		"deleted",
		domain.ClientDeleted{ID: 1},
		"clients.v1.ClientDeleted",
		`{"id":1}`,
		"8ab53d2c6f1b78ac",
	}, {
		"erased",
		domain.ClientErased{ID: 1, Erased: []uint64{3, 9, 12}},
		"clients.v1.ClientErased",
		`{"id":1,"erased":[3,9,12]}`,
		"9b360359aa503498",
	}, {
		"erased without a trace",
		domain.ClientErased{ID: 1, Erased: []uint64{}},
		"clients.v1.ClientErased",
		`{"id":1,"erased":[]}`,
		"fff4f00ec6b1a4e2",
	},
}

func goldenEnvelope(event domain.Event) domain.Envelope {
	return domain.Envelope{
		EventID: "01939a6e-7b1c-7000-8000-000000000001", Account: "acme", Event: event, Version: 3,
		Time:  time.Date(2026, 11, 23, 9, 26, 42, 123456789, time.UTC),
		Actor: "jürgen müller", CorrelationID: "request 1", CausationID: "request-1",
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func TestEventsKeepTheirStoredBytes(t *testing.T) {
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			msg, revision, err := eventstore.Encode(goldenEnvelope(g.event))
			require.NoError(t, err)
			require.Equal(t, g.data, string(msg.Data))
			subject := "clients.acme.1"
			if g.event.Client() == 11072 {
				subject = "clients.acme.11072"
			}
			require.Equal(t, subject, msg.Subject)
			require.Equal(t, nats.Header{
				"Nats-Msg-Id":      {"01939a6e-7b1c-7000-8000-000000000001"},
				"ce-specversion":   {"1.0"},
				"ce-id":            {"01939a6e-7b1c-7000-8000-000000000001"},
				"ce-type":          {g.kind},
				"ce-source":        {"/clients"},
				"ce-subject":       {strings.TrimPrefix(subject, "clients.acme.")},
				"ce-time":          {"2026-11-23T09:26:42.123456789Z"},
				"ce-actor":         {"j%C3%BCrgen%20m%C3%BCller"},
				"ce-correlationid": {"request%201"},
				"ce-causationid":   {"request-1"},
				"ce-clientversion": {"3"},
				"ce-checksum":      {g.sum},
				"traceparent":      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
				"content-type":     {"application/json"},
			}, msg.Header)
			require.Equal(t, uint64(3), revision.Version)
		})
	}
}

func TestStoredEventsAreRead(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 26, 43, 0, time.UTC)
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			envelope := goldenEnvelope(g.event)
			msg, revision, err := eventstore.Encode(envelope)
			require.NoError(t, err)
			record, err := eventstore.Decode(17, at, msg.Subject, msg.Header, msg.Data)
			require.NoError(t, err)
			require.Equal(t, eventstore.Record{
				Sequence: 17, Subject: msg.Subject, StoredAt: at, ClientID: g.event.Client(), Type: msg.Header.Get("ce-type"), Envelope: envelope, Checksum: revision.Checksum, Data: msg.Data,
			}, record)
		})
	}
}

// A newer release may add members to the body of a version 1 event. What is passed on has them, as the checksum demands.
func TestUnknownMembersOfABodyArePassedOn(t *testing.T) {
	msg := sealed(t, "clients.v1.ClientToggled", "1", `{"id":1,"active":true,"why":"because"}`)
	record, err := eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
	require.NoError(t, err)
	require.Equal(t, domain.ClientToggled{ID: 1, Active: true}, record.Event)
	passed, err := record.CloudEvent()
	require.NoError(t, err)
	var event struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(passed, &event))
	require.Equal(t, string(msg.Data), string(event.Data))
}

func TestAnUnknownEventCannotBeStored(t *testing.T) {
	_, _, err := eventstore.Encode(domain.Envelope{Event: unknownEvent{}})
	require.ErrorIs(t, err, eventstore.ErrUnknownType)
}

type unknownEvent struct{}

func (unknownEvent) Client() int64 { return 1 }
