package ingest

import (
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/deadletter"

	"github.com/stretchr/testify/require"
)

func TestAMessageInQuarantineIsRecordedWhenItsClientIsThere(t *testing.T) {
	t.Parallel()
	r := alone(t)
	r.say(project("Created", 7, `"client_id":1`), invoice("Created", 7, `"client_id":1,"kind":"task"`))
	r.settled()
	kept := r.quarantined()
	require.Len(t, kept, 2)
	for _, q := range kept {
		var poison *Poison
		require.ErrorAs(t, r.ingest.Retry(r.deadline(), q.Number), &poison)
		require.Equal(t, UnknownClient, poison.Reason)
	}
	require.Len(t, r.quarantined(), 2, "what can still not be used stays")

	one := r.client()
	for _, q := range kept {
		require.NoError(t, r.ingest.Retry(r.deadline(), q.Number))
		require.ErrorIs(t, r.ingest.Retry(r.deadline(), q.Number), deadletter.ErrNotFound)
	}
	require.Equal(t, domain.References{ActiveProjects: 1, Invoices: 1}, r.references(one))
	require.Len(t, r.defaultsOf(one), 1)
	require.Empty(t, r.quarantined())
}

func TestWhatIsRecordedLateTakesItsPlaceBehindNewerWords(t *testing.T) {
	t.Parallel()
	r := alone(t)
	one := r.client()
	r.say(
		project("Created", 7, `"client_id":2`), project("Toggled", 7, `"active":false,"client_id":1`),
		project("Created", 8, `"client_id":2`), project("Updated", 8, `"client_id":1`), project("Deleted", 8, ""),
		invoice("Created", 9, `"client_id":2,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`),
	)
	r.settled()
	require.Len(t, r.quarantined(), 3)
	two := r.client()
	r.say(invoice("Created", 10, `"client_id":2,"kind":"people"`))
	r.settled()
	for _, q := range r.quarantined() {
		require.NoError(t, r.ingest.Retry(r.deadline(), q.Number))
	}
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one), "where it was said to be since, and as")
	require.Equal(t, domain.References{Invoices: 2}, r.references(two))
	require.Equal(t, []domain.ClientInvoiceDefaultsChanged{
		{ID: two, LastInvoiceKind: "people"},
		{ID: two, LastInvoiceKind: "people", DefaultInvoiceTimeframe: "20110101,20111231"},
	}, r.defaultsOf(two), "the newer kind stays, and the timeframe was not said since")
}

func TestARetryOfWhatIsKnownByNowTakesItOutOfQuarantine(t *testing.T) {
	t.Parallel()
	r := alone(t)
	m := project("Created", 7, `"client_id":1`)
	r.say(m)
	r.settled()
	one := r.client()
	r.say(again(m), project("Deleted", 7, ""))
	require.Zero(t, r.references(one))
	before, err := r.store.LastSequence(r.deadline())
	require.NoError(t, err)
	require.NoError(t, r.ingest.Retry(r.deadline(), r.quarantined()[0].Number))
	after, err := r.store.LastSequence(r.deadline())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.EqualValues(t, 1, r.count("clients_source_duplicates_total", "PROJECTS"))
	require.Zero(t, r.references(one))
	require.Empty(t, r.quarantined())
}

// However a retry and a deletion overlap, the message either keeps its client or stays in quarantine. Here the deletions
// were decided before, and succeed.
func TestARetryThatRacesADeletionLosesNothing(t *testing.T) {
	t.Parallel()
	r := alone(t)
	const rounds = 20
	for n := range rounds {
		id := r.clients + 1
		r.say(project("Created", id, `"client_id":%d`, id))
		r.settled()
		require.Equal(t, id, r.client())
		kept := r.quarantined()
		number := kept[len(kept)-1].Number
		var retrying sync.WaitGroup
		retrying.Go(func() { _ = r.ingest.Retry(r.deadline(), number) })
		time.Sleep(time.Duration(n) * 50 * time.Microsecond) // to overlap in another way each time
		r.end(id)
		retrying.Wait()
	}
	eventually(t, "all are in quarantine", func() bool { return len(r.quarantined()) == rounds })
	for _, q := range r.quarantined() {
		require.ErrorContains(t, r.ingest.Retry(r.deadline(), q.Number), string(DeletedClient))
	}
	require.Len(t, r.quarantined(), rounds)
}

// A client that is deleted after its project was is no reason to put the project's creation back.
func TestWhatLeftQuarantineAndEndedSinceStaysOut(t *testing.T) {
	t.Parallel()
	r := alone(t)
	r.say(project("Created", 7, `"client_id":1`))
	r.settled()
	one := r.client()
	require.NoError(t, r.ingest.Retry(r.deadline(), r.quarantined()[0].Number))
	r.say(project("Deleted", 7, ""))
	require.Zero(t, r.references(one))
	r.end(one)
	for begun := time.Now(); time.Since(begun) < 2*deletionInterval; time.Sleep(deletionInterval / 4) {
		require.Empty(t, r.quarantined())
	}
}

func TestRetriesAreAskedForFromOutside(t *testing.T) {
	t.Parallel()
	r := alone(t)
	operator, err := deadletter.New(r.system.nc)
	require.NoError(t, err)
	r.say(project("Created", 7, `"client_id":1`), project("Created", 8, `"client_id":99`), event("projects.v1.ProjectCreated", "projects.acme.9", "{"))
	r.settled()
	require.ErrorIs(t, operator.Retry(r.deadline(), 1), deadletter.ErrNoService)
	serving, err := r.quarantine.ServeRetries(r.ingest.Retry)
	require.NoError(t, err)
	defer func() { _ = serving.Drain() }()

	one := r.client()
	require.NoError(t, operator.Retry(r.deadline(), 1))
	require.ErrorContains(t, operator.Retry(r.deadline(), 2), string(UnknownClient))
	require.ErrorContains(t, operator.Retry(r.deadline(), 3), string(Unreadable))
	require.ErrorContains(t, operator.Retry(r.deadline(), 4), deadletter.ErrNotFound.Error())
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))

	require.NoError(t, operator.Drop(r.deadline(), 2))
	require.ErrorIs(t, operator.Drop(r.deadline(), 2), deadletter.ErrNotFound)
	require.Len(t, r.quarantined(), 1)
}
