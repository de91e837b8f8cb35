package ingest

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

// copyOf keeps a copy of a stream as it is on disk by now; the answer puts it back. The server restarts for each.
func (y *system) copyOf(stream string) (putBack func()) {
	y.t.Helper()
	kept := filepath.Join(y.t.TempDir(), stream)
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
	restarting(func(dir string) { require.NoError(y.t, os.CopyFS(kept, os.DirFS(dir))) })
	return func() {
		y.t.Helper()
		restarting(func(dir string) {
			require.NoError(y.t, os.RemoveAll(dir))
			require.NoError(y.t, os.CopyFS(dir, os.DirFS(kept)))
		})
	}
}

// What an earlier copy of CLIENTS does not know of is read again, though it was read before.
func TestWhatAnEarlierCopyOfCLIENTSLacksIsReadAgain(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.makeSources()
	first := y.replica(0)
	one := first.client()
	y.say(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`), invoice("Created", 1, `"client_id":1,"kind":"task"`))
	first.settled()
	first.stop()
	putBack := y.copyOf("CLIENTS")

	second := y.replica(0)
	y.say(
		project("Deleted", 1, ""), project("Toggled", 2, `"active":false`), project("Created", 3, `"client_id":1`),
		project("Created", 4, `"client_id":99`), invoice("Created", 2, `"client_id":1,"kind":"people"`),
	)
	want := domain.References{ActiveProjects: 1, InactiveProjects: 1, Invoices: 2}
	require.Equal(t, want, second.references(one))
	second.stop()
	putBack()

	third := y.replica(time.Second)
	require.Equal(t, "task", third.directory.State(acme, one).Client.LastInvoiceKind)
	require.Equal(t, want, third.references(one))
	require.Len(t, third.defaultsOf(one), 2)
	require.Len(t, third.quarantined(), 1, "it is in quarantine already")
	require.InDelta(t, 0, third.count("clients_quarantined_total"), 0)
}

// A source that is put back to an earlier copy of itself gives sequences to new messages that were given before. That is
// noticed though nobody says so, by replicas that go on running and by those that start.
func TestASourceThatIsPutBackToAnEarlierCopyIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ others int }{"and is still behind": {1}, "and has said more since": {12}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.makeSources()
			a, b := y.replica(200*time.Millisecond), y.replica(200*time.Millisecond)
			one := a.client()
			y.say(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`))
			a.settled()
			putBack := y.copyOf("PROJECTS")
			y.say(project("Deleted", 1, ""), project("Toggled", 2, `"active":false`), project("Created", 3, `"client_id":1`), project("Created", 4, `"client_id":1`))
			before := domain.References{ActiveProjects: 2, InactiveProjects: 1}
			eventually(t, "the barrier is passed", func() bool { return a.ingest.Wait(y.deadline()) == nil })
			require.Equal(t, before, a.references(one))

			for round := range 2 {
				putBack()
				var others []*nats.Msg
				for n := range c.others {
					others = append(others, project("Created", int64(100+100*round+n), `"client_id":1`))
				}
				y.say(others...)
				want := before
				want.ActiveProjects += (1 + round) * c.others
				for _, r := range []*replica{a, b, y.replica(200 * time.Millisecond)} {
					eventually(t, "what it says now is known, and nothing is forgotten", func() bool {
						return r.directory.State(acme, one).References == want && r.ingest.Wait(y.deadline()) == nil
					})
				}
			}
			// Both go on with what comes next, and either may be left alone.
			a.stop()
			y.say(project("Deleted", 3, ""))
			after := b.directory.State(acme, one).References
			after.ActiveProjects--
			require.Equal(t, after, b.references(one))
			require.Empty(t, b.quarantined())
		})
	}
}

func TestAFactOfAnEarlierRoundIsNotTakenForARepeat(t *testing.T) {
	t.Parallel()
	r := alone(t)
	one := r.client()
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
