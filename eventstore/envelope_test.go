package eventstore_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestAMessageWithoutAnEnvelopeIsForeign(t *testing.T) {
	valid, _, err := eventstore.Encode(created(1))
	require.NoError(t, err)
	without := func(name string) nats.Header {
		h := maps.Clone(valid.Header)
		delete(h, name)
		return h
	}
	with := func(name, value string) nats.Header {
		h := maps.Clone(valid.Header)
		h[name] = []string{value}
		return h
	}
	for name, message := range map[string]struct {
		subject string
		header  nats.Header
	}{
		"no headers":        {valid.Subject, nil},
		"no checksum":       {valid.Subject, without("ce-checksum")},
		"no id":             {valid.Subject, without("ce-id")},
		"no version of CE":  {valid.Subject, without("ce-specversion")},
		"no version":        {valid.Subject, without("ce-clientversion")},
		"no time":           {valid.Subject, without("ce-time")},
		"no source":         {valid.Subject, without("ce-source")},
		"no subject":        {valid.Subject, without("ce-subject")},
		"no content type":   {valid.Subject, without("content-type")},
		"foreign type":      {valid.Subject, with("ce-type", "projects.v1.ProjectCreated")},
		"no UUID":           {valid.Subject, with("ce-id", "another")},
		"UUID with prefix":  {valid.Subject, with("ce-id", "urn:uuid:01939a6e-7b1c-7000-8000-000000000001")},
		"version 0":         {valid.Subject, with("ce-clientversion", "0")},
		"signed version":    {valid.Subject, with("ce-clientversion", "+1")},
		"time of no form":   {valid.Subject, with("ce-time", "yesterday")},
		"another source":    {valid.Subject, with("ce-source", "/projects")},
		"another subject":   {valid.Subject, with("ce-subject", "2")},
		"another form":      {valid.Subject, with("content-type", "text/plain")},
		"no client id":      {"clients.test", valid.Header},
		"too many tokens":   {"clients.test.1.2", valid.Header},
		"not a number":      {"clients.test.one", valid.Header},
		"leading zero":      {"clients.test.01", valid.Header},
		"zero":              {"clients.test.0", valid.Header},
		"beyond all ids":    {"clients.test.9223372036854775808", valid.Header},
		"no account's name": {"clients.TEST.1", valid.Header},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := eventstore.Decode(5, time.Now(), message.subject, message.header, valid.Data)
			require.NoError(t, err)
			require.NotEmpty(t, record.Foreign)
			require.Nil(t, record.Event)
		})
	}
}

func TestAChangedEventIsCorrupt(t *testing.T) {
	for name, spoil := range map[string]func(*nats.Msg){
		"data":            func(m *nats.Msg) { m.Data[7] ^= 1 },
		"id":              func(m *nats.Msg) { m.Header["ce-id"] = []string{"01939a6e-7b1c-7000-8000-000000000001"} },
		"type":            func(m *nats.Msg) { m.Header["ce-type"] = []string{"clients.v1.ClientDeleted"} },
		"version":         func(m *nats.Msg) { m.Header["ce-clientversion"] = []string{"2"} },
		"time":            func(m *nats.Msg) { m.Header["ce-time"] = []string{"2020-01-01T00:00:00Z"} },
		"checksum":        func(m *nats.Msg) { m.Header["ce-checksum"] = []string{"0123456789abcdef"} },
		"subject":         func(m *nats.Msg) { m.Subject = "clients.test.2" },
		"another account": func(m *nats.Msg) { m.Subject = "clients.other.1" },
	} {
		t.Run(name, func(t *testing.T) {
			msg, _, err := eventstore.Encode(created(1))
			require.NoError(t, err)
			spoil(msg)
			_, err = eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
			var corrupt *eventstore.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, uint64(5), corrupt.Sequence)
		})
	}
}

// A message with a valid checksum that cannot be read was written by a faulty or a newer release.
func TestAnEventOfANewerReleaseIsNotCorrupt(t *testing.T) {
	msg := sealed(t, "clients.v2.ClientCreated", "1", `{"id":1}`)
	_, err := eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
	var unknown *eventstore.UnknownEventError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "clients.v2.ClientCreated", unknown.Type)

	for name, msg := range map[string]*nats.Msg{
		"not JSON":       sealed(t, "clients.v1.ClientDeleted", "1", `{`),
		"null":           sealed(t, "clients.v1.ClientUpdated", "2", `{"id":1,"name":null}`),
		"another client": sealed(t, "clients.v1.ClientDeleted", "1", `{"id":2}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
			var corrupt *eventstore.CorruptError
			require.True(t, errors.As(err, &corrupt), "%v", err)
		})
	}
}

// sealed returns a message with a valid checksum, whatever its content.
func sealed(t *testing.T, kind, version, data string) *nats.Msg {
	t.Helper()
	msg, _, err := eventstore.Encode(happened(1, domain.ClientDeleted{ID: 1}))
	require.NoError(t, err)
	msg.Data = []byte(data)
	msg.Header["ce-type"], msg.Header["ce-clientversion"] = []string{kind}, []string{version}
	sum := eventstore.Checksum(msg.Subject, msg.Header.Get("ce-id"), kind, version, msg.Header.Get("ce-time"), msg.Data)
	msg.Header["ce-checksum"] = []string{fmt.Sprintf("%016x", sum)}
	return msg
}
