package projections_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/projections/readmodel"
	"clients/projections/references"
	"clients/projections/snapshot"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// filled returns a value whose fields all have distinct values other than zero. A field that an encoding does not carry
// then shows, also one that is added later.
func filled[T any](t testing.TB, numbers *int) (value T) {
	t.Helper()
	fill(t, reflect.ValueOf(&value).Elem(), numbers)
	return value
}

func fill(t testing.TB, v reflect.Value, numbers *int) {
	t.Helper()
	*numbers++
	switch kind := v.Kind(); {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(*numbers), 7).UTC()))
	case kind == reflect.Struct:
		for n := range v.NumField() {
			fill(t, v.Field(n), numbers)
		}
	case kind == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), numbers)
	case kind == reflect.String:
		v.SetString(fmt.Sprint("text ", *numbers))
	case kind == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(*numbers))
	case v.CanUint():
		v.SetUint(uint64(*numbers))
	case kind == reflect.Interface: // is for the caller
	case kind == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), numbers)
		fill(t, v.Index(1), numbers)
	default:
		require.FailNow(t, "no value for a field", "%s", v.Type())
	}
}

// Each attribute that a request can set is set by a creation and by an update.
func TestEveryAttributeThatARequestNamesIsSet(t *testing.T) {
	t.Parallel()
	numbers := 0
	attributes := filled[domain.ClientAttributes](t, &numbers)
	attributes.DeriveSymbol = false // names no attribute
	for name, c := range map[string]struct {
		before  domain.Client
		command domain.Command
	}{
		"create": {domain.Client{}, domain.CreateClient{ID: 1, Attributes: attributes}},
		"update": {domain.Client{ID: 1}, domain.UpdateClient{Attributes: attributes}},
	} {
		event, err := domain.Decide(c.before, domain.References{}, c.command)
		require.NoError(t, err, name)
		after := reflect.ValueOf(domain.Evolve(c.before, event))
		for field, value := range reflect.ValueOf(attributes).Fields() {
			if field.Name != "DeriveSymbol" {
				require.Equal(t, value.Elem().Interface(), after.FieldByName(field.Name).Interface(), "%s: %s", name, field.Name)
			}
		}
	}
}

// Everything in an event is there when it is read back from the stream.
func TestAStoredEventKeepsEveryField(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store, err := eventstore.Open(ctx, natstest.Run(t, 1).Connect(t, 0), eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	numbers := 0
	updated := filled[domain.ClientUpdated](t, &numbers)
	updated.DeriveSymbol = false // is instead of a symbol
	var entries []eventstore.Entry
	for _, event := range []domain.Event{
		filled[domain.ClientCreated](t, &numbers), updated, filled[domain.ClientToggled](t, &numbers),
		filled[domain.ClientInvoiceDefaultsChanged](t, &numbers), filled[domain.ClientDeleted](t, &numbers),
	} {
		envelope := filled[domain.Envelope](t, &numbers)
		envelope.EventID, envelope.Account, envelope.Event = uuid.NewString(), "acme", event
		entries = append(entries, eventstore.Entry{Event: &envelope, LastSequence: new(uint64)})
	}
	for _, kind := range []domain.ReferenceKind{domain.Project, domain.Invoice} {
		reference := filled[domain.ReferenceEvent](t, &numbers)
		reference.Account, reference.Kind, reference.Source.Stream = "acme", kind, "PROJECTS"
		entries = append(entries, eventstore.Entry{Reference: reference})
	}
	last, err := store.AppendBatch(ctx, entries)
	require.NoError(t, err)
	var read []eventstore.Record
	ctx, stop := context.WithCancel(ctx)
	err = store.Tail(ctx, 0, func(batch []eventstore.Record) error {
		if read = append(read, batch...); len(read) == int(last) {
			stop()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	for n, entry := range entries {
		if entry.Event != nil {
			require.Equal(t, *entry.Event, read[n].Envelope)
			continue
		}
		require.Equal(t, entry.Reference, *read[n].Reference)
	}
}

// Everything in a model is there when it is restored from a snapshot.
func TestASnapshotKeepsEveryField(t *testing.T) {
	t.Parallel()
	numbers := 1000
	client, item := filled[domain.Client](t, &numbers), filled[references.Item](t, &numbers)
	generation, held := filled[references.Generation](t, &numbers), filled[references.Client](t, &numbers)
	item.Client = client.ID
	held.References = domain.References{ActiveProjects: 1} // counted from the items
	scope := references.Scope{Kind: domain.Project, Account: "acme"}
	m := readmodel.NewModel()
	for field, value := range reflect.ValueOf(&m.Totals).Elem().Fields() {
		if field.Name != "Deleted" && field.Name != "Repeated" && field.Name != "References" {
			fill(t, value, &numbers)
		}
	}
	m.Deleted.Insert(5)
	m.Repeated.Insert(4)
	require.NoError(t, m.RestoreAccount("acme", filled[domain.Revision](t, &numbers), []*readmodel.Entry{readmodel.NewEntry(client, 6)}))
	m.References.RestoreStream("PROJECTS", 7, "replica", map[int64]references.Generation{8: generation})
	m.References.RestoreItem(scope, &item)
	m.References.RestoreDefaults(client.ID, held.KindAt, held.TimeframeAt)

	var written bytes.Buffer
	require.NoError(t, snapshot.Encode(&written, m.View()))
	got, err := snapshot.Decode(&written)
	require.NoError(t, err)
	want, have := m.View(), got.View()
	want.Accounts, have.Accounts, want.References, have.References, want.Deleted, have.Deleted = nil, nil, nil, nil, nil, nil
	want.Repeated, have.Repeated = nil, nil
	require.Equal(t, want, have)
	require.True(t, got.Repeated.Exists(4))
	require.True(t, got.Deleted.Exists(5))
	require.Equal(t, m.View().Accounts[0].Revision, got.View().Accounts[0].Revision)
	require.Equal(t, client, got.Client(client.ID).Client)
	require.Equal(t, uint64(6), got.Client(client.ID).LastSequence)
	streams := got.References.Streams()
	require.Equal(t, map[int64]references.Generation{8: generation}, streams["PROJECTS"].Generations)
	require.Equal(t, []any{7, "replica"}, []any{streams["PROJECTS"].Latest, streams["PROJECTS"].Replica})
	require.Equal(t, &item, got.References.Item(scope.Kind, scope.Account, item.ID))
	require.Equal(t, held, maps.Collect(got.References.Clients())[client.ID])
}
