package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A project that was acknowledged before a deletion or deactivation began is taken into account, however short before;
// one that comes later may lose against it, and is then told apart as a project of a deleted client.
func TestDeletionsRaceWithProjects(t *testing.T) {
	t.Parallel()
	const rounds, racers = 1000, 4
	a := launch(t)
	var project, refused, won atomic.Int64
	var all sync.WaitGroup
	for racer := range racers {
		all.Go(func() {
			other := a.tap()
			for range rounds / racers {
				id, projectID := a.named("SuprCorp"), project.Add(1)
				r := a.race(other, id, projectID, racer)
				require.NotEqual(t, 503, r.status)
				if r.status == 400 {
					refused.Add(1)
				}
				if r.status == 200 {
					won.Add(1)
					assert.False(t, r.acknowledged.Before(r.began), "client %d was deleted, though project %d was there for %s", id, projectID, r.began.Sub(r.acknowledged))
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(rounds), refused.Load()+won.Load())
	require.GreaterOrEqual(t, refused.Load(), int64(rounds/4), "the rounds in which the project comes first")
	t.Logf("%d refused, %d deleted", refused.Load(), won.Load())

	for _, v := range a.list("") { // who is left is left for a reason
		require.Contains(t, a.want(400, "DELETE", path(v.ID), "").message(t), "1 active project")
	}
}

type raceResult struct {
	acknowledged time.Time
	began        time.Time
	status       int
}

// race publishes a project and deletes its client at about the same time: at once after the acknowledgement in one of
// four cases.
func (a *app) race(other *tap, id, projectID int64, racer int) (r raceResult) {
	acknowledged := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		defer close(acknowledged)
		other.say(project("Created", projectID, fmt.Sprintf(`"client_id":%d`, id)))
		r.acknowledged = time.Now()
	})
	both.Go(func() {
		if racer == 0 {
			<-acknowledged
		} else {
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond) // spreads the rounds over the race
		}
		r.began = time.Now()
		got, err := a.send("DELETE", path(id), "")
		assert.NoError(a.t, err)
		r.status = got.status
	})
	both.Wait()
	return r
}

// The same goes for the other way round: what was acknowledged as gone does not stand in the way any more.
func TestWhatIsGoneStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	for round := range int64(100) {
		id := a.named("SuprCorp")
		client := fmt.Sprintf(`"client_id":%d`, id)
		other.say(project("Created", round+1, client))
		a.want(400, "POST", togglePath(id), "")
		other.say(project("Toggled", round+1, `"active":false`))
		a.want(200, "POST", togglePath(id), "")
		other.say(project("Deleted", round+1, ""))
		a.want(200, "DELETE", path(id), "")
	}
}
