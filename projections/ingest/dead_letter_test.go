package ingest_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/deadletter"
	"clients/projections/ingest"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// poisonMessages returns a message for each reason. Client 2 is deleted.
func poisonMessages() map[ingest.Reason]*nats.Msg {
	return map[ingest.Reason]*nats.Msg{
		ingest.Unreadable:    event("projects.v1.ProjectCreated", "projects.acme.100", "{"),
		ingest.UnknownType:   event("projects.v1.ProjectForgotten", "projects.acme.101", `{"id":101}`),
		ingest.UnknownClient: project("Created", 102, `"client_id":99`),
		ingest.DeletedClient: project("Created", 103, `"client_id":2`),
	}
}

func TestAPoisonMessageBecomesADeadLetterAndDelaysNothing(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	r.deleteClient(r.createClient())
	for number, reason := range ingest.Reasons() {
		m := poisonMessages()[reason]
		r.publish(project("Created", int64(1+number), `"client_id":1`), m, project("Toggled", int64(1+number), `"active":false`))
		require.Equal(t, domain.References{InactiveProjects: 1 + number}, r.references(one), "%s", reason)
		letters := r.quarantined()
		require.Len(t, letters, 1+number)
		q := letters[number]
		require.Equal(t, string(reason), q.Reason)
		require.NotEmpty(t, q.Detail)
		require.Equal(t, "PROJECTS", q.Message.Stream)
		require.Equal(t, uint64(2+3*number), q.Message.Sequence)
		require.Equal(t, m.Subject, q.Message.Subject)
		require.Equal(t, string(m.Data), string(q.Message.Data))
		require.Equal(t, m.Header.Get("ce-id"), q.Message.Header.Get("ce-id"))
		require.InDelta(t, 1, r.count("clients_quarantined_total", string(reason)), 0)
	}
	require.InDelta(t, len(ingest.Reasons()), r.count("clients_quarantined_total"), 0)
	require.InDelta(t, 0, r.count("clients_quarantined_total", "INVOICES"), 0)
}

func TestAMarkerOfAnExpiredSubjectIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	marker := nats.NewMsg("projects.acme.7")
	marker.Header.Set(jetstream.MarkerReasonHeader, "MaxAge")
	r.publish(project("Created", 7, `"client_id":1`), marker, project("Toggled", 7, `"active":false`))
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one))
	require.Empty(t, r.quarantined())
}

func TestReplicasStoreADeadLetterOnce(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"one records": time.Second, "both record": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.createStreams()
			a, b := y.replica(wait), y.replica(wait)
			a.createClient()
			a.deleteClient(a.createClient())
			for _, m := range poisonMessages() {
				y.publish(m, clone(m))
			}
			a.awaitIngested()
			b.awaitIngested()
			require.Len(t, a.quarantined(), 2*len(ingest.Reasons()))
			for _, reason := range ingest.Reasons() {
				counted := a.count("clients_quarantined_total", string(reason)) + b.count("clients_quarantined_total", string(reason))
				require.InDelta(t, 2, counted, 0, "%s", reason)
			}
		})
	}
}

func TestARunIsReadAgainAfterAPanic(t *testing.T) {
	t.Parallel()
	var once sync.Once
	r := oneReplica(t, func(i *ingest.Ingest) {
		i.Intercept(func(h message.HandlerFunc) message.HandlerFunc {
			return func(msg *message.Message) ([]*message.Message, error) {
				once.Do(func() { panic("a fault") })
				return h(msg)
			}
		})
	})
	one := r.createClient()
	r.publish(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`))
	require.Equal(t, domain.References{ActiveProjects: 2}, r.references(one))
	require.Empty(t, r.quarantined())
}

// Any message that NATS accepts is recorded or becomes a dead letter.
func TestLargeMessagesAreHandled(t *testing.T) {
	t.Parallel()
	long, huge := strings.Repeat("x", 64<<10-500), strings.Repeat("9", 1000<<10)
	for name, c := range map[string]struct {
		message *nats.Msg
		letters int
	}{
		"long type":           {with(project("Created", 7, `"client_id":1`), "ce-type", long), 1},
		"long checksum":       {with(project("Created", 7, `"client_id":1`), "ce-checksum", long), 1},
		"long header":         {with(event("projects.v1.ProjectForgotten", "projects.acme.7", "{}"), "x", long), 1},
		"huge number":         {event("projects.v1.ProjectDeleted", "projects.acme.7", `{"id":7,"client_id":`+huge+`}`), 1},
		"huge day":            {event("invoices.v1.InvoiceUpdated", "invoices.acme.7", `{"id":7,"period_start":"`+huge+`"}`), 1},
		"huge kind":           {event("invoices.v1.InvoiceUpdated", "invoices.acme.7", `{"id":7,"kind":"`+huge+`"}`), 1},
		"huge of a name":      {event("projects.v1.ProjectUpdated", "projects.acme.7", `{"id":7,"client_id":1,"name":"`+huge+`"}`), 0},
		"long id":             {without(with(project("Created", 7, `"client_id":1`), "ce-id", long), "ce-checksum"), 0},
		"long correlation id": {with(project("Created", 7, `"client_id":1`), "ce-correlationid", long), 0},
		"long actor":          {with(invoice("Created", 7, `"client_id":1,"kind":"task"`), "ce-actor", long), 0},
		"long traceparent":    {with(invoice("Created", 7, `"client_id":1,"kind":"task"`), "traceparent", long), 0},
		"long words":          {invoice("Created", 7, `"client_id":1,"kind":"%s"`, strings.Repeat("𝄞", domain.MaxText)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := oneReplica(t)
			one := r.createClient()
			r.publish(c.message, project("Created", 8, `"client_id":1,"active":false`))
			require.Equal(t, 1, r.references(one).InactiveProjects)
			require.Len(t, r.quarantined(), c.letters)
			references := r.references(one)
			require.Equal(t, 1-c.letters, references.ActiveProjects+references.Invoices)
		})
	}
}

// A client that the directory does not show yet exists nevertheless.
func TestALaggingDirectoryIsRefreshedFirst(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	elsewhere := y.reader()
	y.lag = 100 * time.Millisecond
	r := y.replica(0)
	y.publish(project("Created", 3, `"client_id":%d`, elsewhere.createClient()))
	r.awaitIngested() // it is in the midst of reading
	one := elsewhere.createClient()
	y.publish(project("Created", 1, `"client_id":2`))
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
	require.Empty(t, r.quarantined(), "the client was created")

	elsewhere.deleteClient(one)
	y.publish(project("Created", 2, `"client_id":2`), project("Updated", 1, `"name":"B"`))
	r.awaitIngested()
	eventually(t, "the client was deleted", func() bool { return len(r.quarantined()) == 2 })
	for _, q := range r.quarantined() {
		require.Equal(t, string(ingest.DeletedClient), q.Reason)
	}
}

func TestClientsCreatedThroughAnotherReplicaAreKnown(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	elsewhere := r.reader()
	for number := range int64(50) {
		id := elsewhere.createClient()
		elsewhere.publish(project("Created", 1+number, `"client_id":%d`, id))
	}
	r.awaitIngested()
	require.Empty(t, r.quarantined())
	for id := range int64(50) {
		require.Equal(t, domain.References{ActiveProjects: 1}, r.references(1+id))
	}
}

// A dead letter for which there is no room waits, and so do the messages behind it: it keeps its content.
func TestADeadLetterWaitsForRoom(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	limit := func(bytes int64) {
		stream, err := r.js.Stream(r.deadline(), deadletter.Stream)
		require.NoError(t, err)
		config := stream.CachedInfo().Config
		config.MaxBytes, config.Discard = bytes, jetstream.DiscardNew
		_, err = r.js.UpdateStream(r.deadline(), config)
		require.NoError(t, err)
	}
	limit(2000)
	data := `{"id":7,"name":"` + strings.Repeat("x", 3000) + `"}`
	r.publish(event("projects.v1.ProjectForgotten", "projects.acme.7", data), project("Created", 8, `"client_id":1`))
	eventually(t, "the failure is counted", func() bool { return r.count("clients_quarantine_failures_total", "PROJECTS") > 0 })
	require.Empty(t, r.quarantined())
	limit(-1)
	require.Equal(t, 1, r.references(one).ActiveProjects)
	letters := r.quarantined()
	require.Len(t, letters, 1)
	require.Equal(t, data, string(letters[0].Message.Data))
}

// If the stream of dead letters is deleted, it is created again when it is needed.
func TestADeletedDeadLetterStreamIsCreatedAgain(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	require.NoError(t, r.js.DeleteStream(r.deadline(), deadletter.Stream))
	r.publish(event("projects.v1.ProjectForgotten", "projects.acme.7", "{}"), project("Created", 8, `"client_id":1`))
	require.Equal(t, 1, r.references(one).ActiveProjects)
	require.Len(t, r.quarantined(), 1)
}
