package ingest_test

import (
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARetryRecordsADeadLetterOnceItsClientExists(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.publish(project("Created", 7, `"client_id":1`), invoice("Created", 7, `"client_id":1,"kind":"task"`))
	r.awaitIngested()
	letters := r.quarantined()
	require.Len(t, letters, 2)
	for _, q := range letters {
		var poison *ingest.Poison
		require.ErrorAs(t, r.ingest.Retry(r.deadline(), q.Number), &poison)
		require.Equal(t, ingest.UnknownClient, poison.Reason)
	}
	require.Len(t, r.quarantined(), 2, "poison stays")

	one := r.createClient()
	for _, q := range letters {
		require.NoError(t, r.ingest.Retry(r.deadline(), q.Number))
		require.ErrorIs(t, r.ingest.Retry(r.deadline(), q.Number), deadletter.ErrNotFound)
	}
	require.Equal(t, domain.References{ActiveProjects: 1, Invoices: 1}, r.references(one))
	require.Len(t, r.defaultsOf(one), 1)
	require.Empty(t, r.quarantined())
}

func TestARetriedEventDoesNotOverwriteNewerOnes(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	r.publish(
		project("Created", 7, `"client_id":2`), project("Toggled", 7, `"active":false,"client_id":1`),
		project("Created", 8, `"client_id":2`), project("Updated", 8, `"client_id":1`), project("Deleted", 8, ""),
		invoice("Created", 9, `"client_id":2,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`),
	)
	r.awaitIngested()
	require.Len(t, r.quarantined(), 3)
	two := r.createClient()
	r.publish(invoice("Created", 10, `"client_id":2,"kind":"people"`))
	r.awaitIngested()
	for _, q := range r.quarantined() {
		require.NoError(t, r.ingest.Retry(r.deadline(), q.Number))
	}
	require.Equal(t, domain.References{InactiveProjects: 1}, r.references(one), "the newer client and state stay")
	require.Equal(t, domain.References{Invoices: 2}, r.references(two))
	require.Equal(t, []domain.ClientInvoiceDefaultsChanged{
		{ID: two, LastInvoiceKind: "people"},
		{ID: two, LastInvoiceKind: "people", DefaultInvoiceTimeframe: "20110101,20111231"},
	}, r.defaultsOf(two), "the newer kind stays, and no later invoice has set a timeframe")
}

func TestARetryOfADuplicateDropsTheDeadLetter(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	m := project("Created", 7, `"client_id":1`)
	r.publish(m)
	r.awaitIngested()
	one := r.createClient()
	r.publish(clone(m), project("Deleted", 7, ""))
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

// Earlier releases made the markers of expired messages dead letters. They are dropped by hand: a retry records nothing.
func TestARetryOfAMarkerRecordsNothing(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	stored, err := r.quarantine.Put(r.deadline(), upstream.Message{
		Stream: "PROJECTS", Sequence: 1, Subject: "projects.acme.7", Header: nats.Header{jetstream.MarkerReasonHeader: {"MaxAge"}},
	}, string(ingest.Unreadable), "no ce-type")
	require.NoError(t, err)
	require.True(t, stored)
	before, err := r.store.LastSequence(r.deadline())
	require.NoError(t, err)
	var poison *ingest.Poison
	require.ErrorAs(t, r.ingest.Retry(r.deadline(), r.quarantined()[0].Number), &poison)
	require.Equal(t, ingest.Unreadable, poison.Reason)
	after, err := r.store.LastSequence(r.deadline())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Len(t, r.quarantined(), 1)
}

// However a retry and a deletion overlap, the event either blocks the deletion or is a dead letter. Here the deletions
// were decided before, and succeed.
func TestARetryDuringADeletionLosesNothing(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	const rounds = 20
	for n := range rounds {
		id := r.clients + 1
		r.publish(project("Created", id, `"client_id":%d`, id))
		r.awaitIngested()
		require.Equal(t, id, r.createClient())
		letters := r.quarantined()
		number := letters[len(letters)-1].Number
		var retrying sync.WaitGroup
		retrying.Go(func() { _ = r.ingest.Retry(r.deadline(), number) })
		time.Sleep(time.Duration(n) * 50 * time.Microsecond) // to overlap in another way each time
		r.deleteClient(id)
		retrying.Wait()
	}
	eventually(t, "all are in quarantine", func() bool { return len(r.quarantined()) == rounds })
	for _, q := range r.quarantined() {
		require.ErrorContains(t, r.ingest.Retry(r.deadline(), q.Number), string(ingest.DeletedClient))
	}
	require.Len(t, r.quarantined(), rounds)
}

// Operators who retry the same message at once learn that it is recorded, or that it is no longer there.
func TestConcurrentRetriesSucceed(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	const letters = 20
	for n := range int64(letters) {
		r.publish(project("Created", n+1, `"client_id":1`))
	}
	r.awaitIngested()
	one := r.createClient()
	var operators sync.WaitGroup
	for _, q := range r.quarantined() {
		for range 3 {
			operators.Go(func() {
				if err := r.ingest.Retry(r.deadline(), q.Number); err != nil {
					assert.Equal(t, deadletter.ErrNotFound, err)
				}
			})
		}
	}
	operators.Wait()
	require.Empty(t, r.quarantined())
	require.Equal(t, letters, r.references(one).ActiveProjects)
}

// If the project was deleted before its client, its creation does not become a dead letter again.
func TestARetriedEventOfADeletedProjectStaysOut(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.publish(project("Created", 7, `"client_id":1`))
	r.awaitIngested()
	one := r.createClient()
	require.NoError(t, r.ingest.Retry(r.deadline(), r.quarantined()[0].Number))
	r.publish(project("Deleted", 7, ""))
	require.Zero(t, r.references(one))
	r.deleteClient(one)
	for begun := time.Now(); time.Since(begun) < 2*ingest.DeletionInterval; time.Sleep(ingest.DeletionInterval / 4) {
		require.Empty(t, r.quarantined())
	}
}

func TestAnOperatorRequestsRetriesOverNATS(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	operator := deadletter.New(r.system.nc)
	r.publish(project("Created", 7, `"client_id":1`), project("Created", 8, `"client_id":99`), event("projects.v1.ProjectCreated", "projects.acme.9", "{"))
	r.awaitIngested()
	require.ErrorIs(t, operator.Retry(r.deadline(), 1), deadletter.ErrNoService)
	serving, err := r.quarantine.ServeRetries(r.ingest.Retry)
	require.NoError(t, err)
	defer func() { _ = serving.Drain() }()

	one := r.createClient()
	require.NoError(t, operator.Retry(r.deadline(), 1))
	require.ErrorContains(t, operator.Retry(r.deadline(), 2), string(ingest.UnknownClient))
	require.ErrorContains(t, operator.Retry(r.deadline(), 3), string(ingest.Unreadable))
	require.ErrorContains(t, operator.Retry(r.deadline(), 4), deadletter.ErrNotFound.Error())
	require.Equal(t, domain.References{ActiveProjects: 1}, r.references(one))

	require.NoError(t, operator.Drop(r.deadline(), 2))
	require.ErrorIs(t, operator.Drop(r.deadline(), 2), deadletter.ErrNotFound)
	require.Len(t, r.quarantined(), 1)
}
