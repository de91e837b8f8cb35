package ingest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"clients/domain"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// bad makes a message for each reason for which one can end in quarantine. Client 2 is deleted.
func bad() map[Reason]*nats.Msg {
	return map[Reason]*nats.Msg{
		Unreadable:    event("projects.v1.ProjectCreated", "projects.acme.100", "{"),
		UnknownType:   event("projects.v1.ProjectForgotten", "projects.acme.101", `{"id":101}`),
		UnknownClient: project("Created", 102, `"client_id":99`),
		DeletedClient: project("Created", 103, `"client_id":2`),
	}
}

func TestABadMessageIsKeptWithItsReasonAndNothingBehindItWaits(t *testing.T) {
	t.Parallel()
	r := alone(t)
	one := r.client()
	r.end(r.client())
	for number, reason := range reasons() {
		m := bad()[reason]
		r.say(project("Created", int64(1+number), `"client_id":1`), m, project("Toggled", int64(1+number), `"active":false`))
		require.Equal(t, domain.References{InactiveProjects: 1 + number}, r.references(one), "%s", reason)
		kept := r.quarantined()
		require.Len(t, kept, 1+number)
		q := kept[number]
		require.Equal(t, string(reason), q.Reason)
		require.NotEmpty(t, q.Detail)
		require.Equal(t, "PROJECTS", q.Message.Stream)
		require.Equal(t, uint64(2+3*number), q.Message.Sequence)
		require.Equal(t, m.Subject, q.Message.Subject)
		require.Equal(t, string(m.Data), string(q.Message.Data))
		require.Equal(t, m.Header.Get("ce-id"), q.Message.Header.Get("ce-id"))
		require.InDelta(t, 1, r.count("clients_quarantined_total", string(reason)), 0)
	}
	require.InDelta(t, len(reasons()), r.count("clients_quarantined_total"), 0)
	require.InDelta(t, 0, r.count("clients_quarantined_total", "INVOICES"), 0)
}

func TestABadMessageIsQuarantinedOnceByAllReplicasTogether(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"one records": time.Second, "both record": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.makeSources()
			a, b := y.replica(wait), y.replica(wait)
			a.client()
			a.end(a.client())
			for _, m := range bad() {
				y.say(m, again(m))
			}
			a.settled()
			b.settled()
			require.Len(t, a.quarantined(), 2*len(reasons()))
			for _, reason := range reasons() {
				counted := a.count("clients_quarantined_total", string(reason)) + b.count("clients_quarantined_total", string(reason))
				require.InDelta(t, 2, counted, 0, "%s", reason)
			}
		})
	}
}

func TestARunIsReadAgainAfterAPanic(t *testing.T) {
	t.Parallel()
	var once sync.Once
	r := alone(t, func(i *Ingest) {
		i.router.AddMiddleware(func(h message.HandlerFunc) message.HandlerFunc {
			return func(msg *message.Message) ([]*message.Message, error) {
				once.Do(func() { panic("a fault") })
				return h(msg)
			}
		})
	})
	one := r.client()
	r.say(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`))
	require.Equal(t, domain.References{ActiveProjects: 2}, r.references(one))
	require.Empty(t, r.quarantined())
}

// Whatever other services can store, nothing of it may be too large to be dealt with.
func TestNoMessageIsTooLargeToBeDealtWith(t *testing.T) {
	t.Parallel()
	long, huge := strings.Repeat("x", 64<<10-500), strings.Repeat("9", 1000<<10)
	for name, c := range map[string]struct {
		message *nats.Msg
		kept    int
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
			r := alone(t)
			one := r.client()
			r.say(c.message, project("Created", 8, `"client_id":1,"active":false`))
			require.Equal(t, 1, r.references(one).InactiveProjects)
			require.Len(t, r.quarantined(), c.kept)
			references := r.references(one)
			require.Equal(t, 1-c.kept, references.ActiveProjects+references.Invoices)
		})
	}
}

// What a directory that lags behind does not show yet has happened nevertheless.
func TestADirectoryThatLagsIsNotTakenAtItsWord(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.makeSources()
	elsewhere := y.reader()
	y.lag = 100 * time.Millisecond
	r := y.replica(0)
	y.say(project("Created", 3, `"client_id":%d`, elsewhere.client()))
	r.settled() // it is in the midst of reading
	one := elsewhere.client()
	y.say(project("Created", 1, `"client_id":2`))
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))
	require.Empty(t, r.quarantined(), "the client was created")

	elsewhere.end(one)
	y.say(project("Created", 2, `"client_id":2`), project("Updated", 1, `"name":"B"`))
	r.settled()
	eventually(t, "the client was deleted", func() bool { return len(r.quarantined()) == 2 })
	for _, q := range r.quarantined() {
		require.Equal(t, string(DeletedClient), q.Reason)
	}
}

func TestManyClientsThatWereCreatedAMomentAgoElsewhereAreNotUnknown(t *testing.T) {
	t.Parallel()
	r := alone(t)
	elsewhere := r.reader()
	for number := range int64(50) {
		id := elsewhere.client()
		elsewhere.say(project("Created", 1+number, `"client_id":%d`, id))
	}
	r.settled()
	require.Empty(t, r.quarantined())
	for id := range int64(50) {
		require.Equal(t, domain.References{ActiveProjects: 1}, r.references(1+id))
	}
}
