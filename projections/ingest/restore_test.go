package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// copyOf copies the files of a stream, and returns what restores them. The server restarts for each.
func (y *system) copyOf(stream string) (restore func()) {
	y.t.Helper()
	letters := filepath.Join(y.t.TempDir(), stream)
	restarting := func(work func(dir string)) {
		y.t.Helper()
		dir := filepath.Join(y.cluster.Servers[0].JetStreamConfig().StoreDir, "$G", "streams", stream)
		y.cluster.Stop(0)
		work(dir)
		y.cluster.Restart(y.t, 0)
		eventually(y.t, "the connection is back", func() bool {
			ctx, cancel := context.WithTimeout(y.deadline(), 100*time.Millisecond)
			defer cancel()
			_, err := y.js.AccountInfo(ctx)
			return err == nil
		})
	}
	restarting(func(dir string) { require.NoError(y.t, os.CopyFS(letters, os.DirFS(dir))) })
	return func() {
		y.t.Helper()
		restarting(func(dir string) {
			require.NoError(y.t, os.RemoveAll(dir))
			require.NoError(y.t, os.CopyFS(dir, os.DirFS(letters)))
		})
	}
}

// What a restored CLIENTS lacks is read again, although it was read before.
func TestARestoredCLIENTSCatchesUp(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	first := y.replica(0)
	one := first.createClient()
	y.publish(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`), invoice("Created", 1, `"client_id":1,"kind":"task"`))
	first.awaitIngested()
	first.stop()
	restore := y.copyOf("CLIENTS")

	second := y.replica(0)
	y.publish(
		project("Deleted", 1, ""), project("Toggled", 2, `"active":false`), project("Created", 3, `"client_id":1`),
		project("Created", 4, `"client_id":99`), invoice("Created", 2, `"client_id":1,"kind":"people"`),
	)
	want := domain.References{ActiveProjects: 1, InactiveProjects: 1, Invoices: 2}
	require.Equal(t, want, second.references(one))
	second.stop()
	restore()

	third := y.replica(time.Second)
	require.Equal(t, "task", third.directory.State(acme, one).Client.LastInvoiceKind)
	require.Equal(t, want, third.references(one))
	require.Len(t, third.defaultsOf(one), 2)
	require.Len(t, third.quarantined(), 1, "it is a dead letter already")
	require.InDelta(t, 0, third.count("clients_quarantined_total"), 0)
}

// A restored upstream assigns sequences to new messages that it has assigned before. Replicas that run and those that start
// notice that.
func TestARestoredUpstreamIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ others int }{"and is still behind": {1}, "and has published more since": {12}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.createStreams()
			a, b := y.replica(200*time.Millisecond), y.replica(200*time.Millisecond)
			one := a.createClient()
			y.publish(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`))
			a.awaitIngested()
			restore := y.copyOf("PROJECTS")
			y.publish(project("Deleted", 1, ""), project("Toggled", 2, `"active":false`), project("Created", 3, `"client_id":1`), project("Created", 4, `"client_id":1`))
			before := domain.References{ActiveProjects: 2, InactiveProjects: 1}
			eventually(t, "the barrier is passed", func() bool { return a.ingest.Wait(y.deadline()) == nil })
			require.Equal(t, before, a.references(one))

			for round := range 2 {
				restore()
				var others []*nats.Msg
				for n := range c.others {
					others = append(others, project("Created", int64(100+100*round+n), `"client_id":1`))
				}
				y.publish(others...)
				want := before
				want.ActiveProjects += (1 + round) * c.others
				for _, r := range []*replica{a, b, y.replica(200 * time.Millisecond)} {
					eventually(t, "the new events are known, and nothing is forgotten", func() bool {
						return r.directory.State(acme, one).References == want && r.ingest.Wait(y.deadline()) == nil
					})
				}
			}
			// Both continue, and either may run alone.
			a.stop()
			after := b.directory.State(acme, one).References
			after.ActiveProjects--
			y.publish(project("Deleted", 3, ""))
			require.Equal(t, after, b.references(one))
			require.Empty(t, b.quarantined())
		})
	}
}

func TestEventsOfDifferentGenerationsAreNoDuplicates(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	one := r.createClient()
	created := time.Now()
	record := func(round int, id int64) {
		_, err := r.store.AppendBatch(r.deadline(), []eventstore.Entry{{Reference: domain.ReferenceEvent{
			Source: domain.Position{Stream: "ELSEWHERE", Created: created, Sequence: 1, Generation: round}, Account: acme, Subject: one,
			Kind: domain.Project, Operation: domain.Created, ID: id, ClientID: one,
		}}})
		require.NoError(t, err)
	}
	record(0, 1)
	rewound := domain.ReferenceEvent{Source: domain.Position{Stream: "ELSEWHERE", Created: created, Generation: 1}, Operation: domain.Rewound}
	for range 2 {
		_, err := r.store.AppendBatch(r.deadline(), []eventstore.Entry{{Reference: rewound}})
		require.NoError(t, err)
	}
	record(1, 2)
	record(0, 3)
	require.NoError(t, r.directory.Refresh(r.deadline()))
	require.Equal(t, domain.References{ActiveProjects: 2}, r.directory.State(acme, one).References)
}
