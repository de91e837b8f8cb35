package eventstore_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Two replicas derive the same id from one message. A late reference event and one of another generation have their own.
func TestAReferenceIsNamedAfterTheMessageItWasLearnedFrom(t *testing.T) {
	at := time.Unix(1, 5)
	nothing := func(*domain.ReferenceEvent) {}
	require.Equal(t, goldenReferenceID, eventstore.ReferenceID(goldenReference(nothing), at))
	require.Equal(t, goldenReferenceID, eventstore.ReferenceID(goldenReference(nothing), at.Add(time.Hour)))
	require.Equal(t, goldenReferenceID+":round:2", eventstore.ReferenceID(goldenReference(func(f *domain.ReferenceEvent) { f.Source.Generation = 2 }), at))
	require.Equal(t, goldenReferenceID+":late:1000000005", eventstore.ReferenceID(goldenReference(func(f *domain.ReferenceEvent) { f.Late = true }), at))
}

// Other services choose some of the headers, which must not keep an event from being stored.
func TestLongHeadersAreTruncated(t *testing.T) {
	t.Parallel()
	reference := learned(1)
	reference.CorrelationID, reference.CausationID = strings.Repeat("é\n", 20_000), strings.Repeat(" ", 60_000)
	event := created(1)
	event.Actor, event.CorrelationID, event.Traceparent = reference.CorrelationID, reference.CausationID, strings.Repeat("-", 70_000)
	s := singleNode(t)
	_, err := s.AppendBatch(deadline(t), []eventstore.Entry{{Event: &event}, {Reference: reference}})
	require.NoError(t, err)
	records := stored(t, s)
	require.True(t, strings.HasPrefix(reference.CorrelationID, records[1].Reference.CorrelationID), "truncated between two characters")
	require.Len(t, records[0].CorrelationID, eventstore.HeaderLimit)
}

func TestAReferenceThatIsNotWhatWasStoredIsCorrupt(t *testing.T) {
	for name, spoil := range map[string]func(*nats.Msg){
		"data":            func(m *nats.Msg) { m.Data[7] ^= 1 },
		"id":              func(m *nats.Msg) { m.Header["ce-id"] = []string{"another"} },
		"type":            func(m *nats.Msg) { m.Header["ce-type"] = []string{"client-references.v1.InvoiceRecorded"} },
		"time":            func(m *nats.Msg) { m.Header["ce-time"] = []string{"2020-01-01T00:00:00Z"} },
		"checksum":        func(m *nats.Msg) { m.Header["ce-checksum"] = []string{"0123456789abcdef"} },
		"client":          func(m *nats.Msg) { m.Subject = "client-references.test.2" },
		"account":         func(m *nats.Msg) { m.Subject = "client-references.other.1" },
		"no client":       func(m *nats.Msg) { m.Subject = "client-references.PASSED.PROJECTS" },
		"not JSON":        func(m *nats.Msg) { m.Data = []byte("{"); seal(m) },
		"another's shape": func(m *nats.Msg) { m.Data = []byte(`{"source":"PROJECTS"}`); seal(m) },
	} {
		t.Run(name, func(t *testing.T) {
			msg, err := eventstore.EncodeReference(learned(1), "id", time.Now())
			require.NoError(t, err)
			spoil(msg)
			_, err = eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
			var corrupt *eventstore.CorruptError
			require.True(t, errors.As(err, &corrupt), "%v", err)
			require.Equal(t, uint64(5), corrupt.Sequence)
		})
	}
}

func TestAReferenceOfANewerReleaseIsNotSkipped(t *testing.T) {
	for _, kind := range []string{"client-references.v2.ProjectRecorded", "client-references.v1.QuoteRecorded"} {
		msg, err := eventstore.EncodeReference(learned(1), "id", time.Now())
		require.NoError(t, err)
		msg.Header["ce-type"] = []string{kind}
		seal(msg)
		_, err = eventstore.Decode(5, time.Now(), msg.Subject, msg.Header, msg.Data)
		var unknown *eventstore.UnknownEventError
		require.ErrorAs(t, err, &unknown)
		require.Equal(t, kind, unknown.Type)
	}
}

func TestAMessageWithoutAReferenceEnvelopeIsForeign(t *testing.T) {
	valid, err := eventstore.EncodeReference(learned(1), "id", time.Now())
	require.NoError(t, err)
	without := func(name string) nats.Header {
		h := maps.Clone(valid.Header)
		delete(h, name)
		return h
	}
	foreign := maps.Clone(valid.Header)
	foreign["ce-type"] = []string{"projects.v1.ProjectCreated"}
	for name, m := range map[string]struct {
		subject string
		header  nats.Header
	}{
		"no headers":        {valid.Subject, nil},
		"no checksum":       {valid.Subject, without("ce-checksum")},
		"no id":             {valid.Subject, without("ce-id")},
		"no version of CE":  {valid.Subject, without("ce-specversion")},
		"no type":           {valid.Subject, without("ce-type")},
		"foreign type":      {valid.Subject, foreign},
		"no client":         {"client-references.test", valid.Header},
		"no account's name": {"client-references.Test.1", valid.Header},
		"leading zero":      {"client-references.test.01", valid.Header},
		"too many tokens":   {"client-references.test.1.2", valid.Header},
		"no stream":         {"client-references.PASSED", valid.Header},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := eventstore.Decode(5, time.Now(), m.subject, m.header, valid.Data)
			require.NoError(t, err)
			require.NotEmpty(t, record.Foreign)
			require.Nil(t, record.Reference)
		})
	}
}

func FuzzDecodeReference(f *testing.F) {
	for _, g := range goldenReferences {
		f.Add(g.subject, g.kind, g.data)
	}
	f.Add("client-references.PASSED.", "client-references.v1.PositionPassed", "null")
	f.Fuzz(func(t *testing.T, subject, kind, data string) {
		msg, err := eventstore.EncodeReference(learned(1), "id", time.Now())
		require.NoError(t, err)
		msg.Subject, msg.Data = subject, []byte(data)
		msg.Header["ce-type"] = []string{kind}
		seal(msg)
		record, err := eventstore.Decode(5, time.Now(), subject, msg.Header, msg.Data)
		if err != nil || record.Reference == nil {
			return
		}
		again, err := eventstore.EncodeReference(*record.Reference, "id", time.Now())
		require.NoError(t, err)
		once, err := eventstore.Decode(5, time.Now(), again.Subject, again.Header, again.Data)
		require.NoError(t, err)
		require.NotNil(t, once.Reference, "what can be read can be written and read again")
	})
}

// learned is a reference event about project n of client 1 in the account "test", from message n.
func learned(n uint64) domain.ReferenceEvent {
	return domain.ReferenceEvent{
		Source: domain.Position{Stream: "PROJECTS", Created: time.Unix(1, 0).UTC(), Sequence: n}, StoredAt: time.Unix(2, 0).UTC(),
		Account: "test", Subject: 1, Kind: domain.Project, Operation: domain.Created, ID: int64(n), ClientID: 1, Replica: "replica-1",
	}
}

// seal sets the valid checksum of a message, whatever its content.
func seal(m *nats.Msg) {
	sum := eventstore.Checksum(m.Subject, m.Header.Get("ce-id"), m.Header.Get("ce-type"), m.Header.Get("ce-clientversion"), m.Header.Get("ce-time"), m.Data)
	m.Header["ce-checksum"] = []string{fmt.Sprintf("%016x", sum)}
}
