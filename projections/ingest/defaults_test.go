package ingest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"clients/domain"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const y2011, y2012 = "20110101,20111231", "20120101,20121231"

func TestTheDefaultsOfAClientFollowItsInvoices(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	period := func(year int) string {
		return fmt.Sprintf(`"period_start":"%d-01-01","period_end":"%d-12-31"`, year, year)
	}
	r.publish(
		invoice("Created", 1, `"client_id":1`),
		invoice("Created", 2, `"client_id":1,"kind":"task"`),
		invoice("Updated", 2, `"kind":"task"`),
		invoice("Updated", 2, `"client_id":1,`+period(2011)),
		invoice("Updated", 1, `"kind":"task",`+period(2011)),
		invoice("Created", 3, `"client_id":1,"kind":"people",`+period(2012)),
		invoice("Deleted", 3, `"kind":"free",`+period(2013)),
		invoice("Updated", 2, `"period_start":"2014-01-01"`),
		project("Created", 4, `"client_id":1,"kind":"free",`+period(2015)),
	)
	r.awaitIngested()
	require.Equal(t, []domain.ClientInvoiceDefaultsChanged{
		{ID: one, LastInvoiceKind: "task"},
		{ID: one, LastInvoiceKind: "task", DefaultInvoiceTimeframe: y2011},
		{ID: one, LastInvoiceKind: "people", DefaultInvoiceTimeframe: y2012},
	}, r.defaultsOf(one))
	client := r.directory.State(acme, one).Client
	require.Equal(t, "people", client.LastInvoiceKind)
	require.Equal(t, y2012, client.DefaultInvoiceTimeframe)
	require.Equal(t, uint64(3), client.CacheVersion())
}

func TestAChangeOfDefaultsHasItsOriginInItsEnvelope(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.createClient()
	m := invoice("Created", 1, `"client_id":1,"kind":"task"`)
	with(m, "ce-actor", "J%C3%BCrgen")
	with(m, "ce-correlationid", "conversation")
	with(m, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.publish(m, invoice("Created", 2, `"client_id":1,"kind":"people"`))
	r.awaitIngested()
	records := r.stored()
	change := records[1]
	require.Equal(t, "Jürgen", change.Actor)
	require.Equal(t, "conversation", change.CorrelationID)
	require.Equal(t, m.Header.Get("ce-id"), change.CausationID)
	require.Equal(t, m.Header.Get("traceparent"), change.Traceparent)
	require.WithinDuration(t, time.Now(), change.Time, time.Minute)
	require.Equal(t, "/another-service\n"+m.Header.Get("ce-id"), records[2].Reference.EventID)
	require.Equal(t, "conversation", records[2].Reference.CorrelationID)
	require.Equal(t, "invoices", records[3].Actor)
}

func TestAnInvalidKindIsIgnored(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	r.publish(invoice("Created", 1, `"client_id":1,"kind":"\u0000"`), invoice("Created", 2, `"client_id":1,"kind":"task"`))
	require.Equal(t, domain.References{Invoices: 2}, r.references(one))
	require.Len(t, r.defaultsOf(one), 1)
	require.Empty(t, r.quarantined())
}

// Every invoice below names another kind, so each must lead to exactly one change, in order.
const kinds30 = 30

func publishKinds(y *system, from, to int) {
	for n := from; n < to; n++ {
		y.publish(invoice("Created", int64(1+n), `"client_id":1,"kind":"kind %d"`, n))
	}
}

func requireKinds(t *testing.T, r *replica) {
	t.Helper()
	r.awaitIngested()
	var got, want []string
	for _, change := range r.defaultsOf(1) {
		got = append(got, change.LastInvoiceKind)
	}
	for n := range kinds30 {
		want = append(want, fmt.Sprintf("kind %d", n))
	}
	require.Equal(t, want, got)
	require.Equal(t, domain.References{Invoices: kinds30}, r.references(1))
}

func TestDefaultsChangeOnceWhileReplicasRestart(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	first := y.replica(0)
	first.createClient()
	var publishing sync.WaitGroup
	publishing.Go(func() { publishKinds(y, 0, kinds30) })
	for stop := first.stop; ; {
		next := y.replica(0)
		stop() // at any moment, while the next one starts
		stop = next.stop
		reached := next.directory.State(acme, 1).Client.LastInvoiceKind
		if reached == fmt.Sprintf("kind %d", kinds30-1) {
			publishing.Wait()
			requireKinds(t, next)
			return
		}
	}
}

func TestDefaultsChangeOnceWhenTwoReplicasRecord(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	a, b := y.replica(0), y.replica(0)
	a.createClient()
	publishKinds(y, 0, kinds30)
	requireKinds(t, a)
	requireKinds(t, b)
}

func TestDefaultsChangeOnceWhileAUserChangesTheSameClient(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	r := y.replica(0)
	r.createClient()
	var running sync.WaitGroup
	published, renamed := make(chan struct{}), 0
	running.Go(func() {
		defer close(published)
		publishKinds(y, 0, kinds30)
		r.awaitIngested()
	})
	for more := true; more; {
		select {
		case <-published:
			more = false
		default:
		}
		state := r.directory.State(acme, 1)
		_, err := r.store.Append(r.deadline(), domain.Envelope{
			EventID: uuid.NewString(), Account: acme, Event: domain.ClientUpdated{ID: 1, Name: new(fmt.Sprint(renamed))},
			Version: state.Client.Revision.Version + 1, Time: time.Now(),
		}, state.LastSequence)
		if err == nil {
			renamed++
		} else {
			require.ErrorIs(t, err, domain.ErrConflict)
		}
	}
	running.Wait()
	require.Positive(t, renamed)
	requireKinds(t, r)
	require.Equal(t, fmt.Sprint(renamed-1), r.directory.State(acme, 1).Client.Name)
}
