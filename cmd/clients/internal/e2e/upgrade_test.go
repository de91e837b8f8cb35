//go:build upgrade

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// programs are the releases in the order of an upgrade and a rollback.
func programs(t *testing.T) []string {
	require.NotEmpty(t, *previous, "-previous is missing")
	return []string{*previous, binary, *previous, binary}
}

func TestUpgradeAndRollbackOfAnEmbeddedStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/data"
	var all []int64
	for round, program := range programs(t) {
		s := startProgramIn(t, program, dir)
		for i, id := range all {
			require.Equal(t, fmt.Sprintf("client %d", i), s.attributes(id)["name"], "round %d", round)
		}
		all = append(all, s.create(fmt.Sprintf("client %d", len(all))))
		latest := all[len(all)-1]
		js := s.partner(t)
		project(t, js, "ProjectCreated", 100+latest, fmt.Sprintf(`"client_id":%d`, latest))
		ended := func(kind, id string) {
			publishEvent(t, js, "projects.default.99", "projects.v1."+kind, fmt.Sprintf(`{"id":99,"client_id":%d}`, all[0]), "ce-id: "+id)
		}
		ended("ProjectCreated", "creation") // what an earlier release has recorded is known
		if round == 0 {
			ended("ProjectDeleted", "deletion")
			for range 150 { // more than the new release remembers, so that it cuts what the old one has saved
				project(t, js, "ProjectToggled", 98, fmt.Sprintf(`"client_id":%d,"active":false`, all[0]))
			}
			project(t, js, "ProjectDeleted", 98, "")
		}
		for _, id := range all { // what was learned by any release holds in each
			refused := s.want(http.StatusBadRequest, http.MethodDelete, path(id), "")
			require.Contains(t, refused.header.Get("Hint"), "1 active project", "round %d", round)
		}
		keyed := s.want(http.StatusCreated, http.MethodPost, "/clients", `{"client":{"name":"keyed"}}`, asJSON, "Idempotency-Key: across releases")
		require.Equal(t, all[0]+1, keyed.id(t), "round %d", round)
		require.Zero(t, s.stop(t))
		require.Zero(t, run(t, []string{"CLIENTS_DATA_DIR=" + dir}, "verify", "--data-dir", dir).code)
	}
}

func TestUpgradeAndRollbackOfReplicasUnderLoad(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 3)
	variables := []string{"CLIENTS_NATS_URL=" + servers.URL()}
	setUpByPrevious(t, variables)
	route := &route{}
	for range 3 {
		route.add(startReplica(t, *previous, variables))
	}
	load := startLoad(t, route)
	for _, program := range programs(t)[1:] {
		for range 3 {
			route.add(startReplica(t, program, variables))
			load.awaitProgress(t)
			old := route.removeOldest()
			require.Zero(t, old.stop(t))
		}
	}
	load.stop(t)
	require.Zero(t, run(t, variables, "verify").code)
}

// setUpByPrevious creates the streams by the release before: it does not accept those that the new one creates.
func setUpByPrevious(t *testing.T, variables []string) {
	t.Helper()
	setup := runAs(t, variables, func(c *exec.Cmd) { c.Path = *previous }, "setup", "--sources")
	require.Zero(t, setup.code, setup.stderr)
}

func startProgramIn(t *testing.T, program, dir string) *service {
	t.Helper()
	s := launchProgram(t, program, "CLIENTS_DATA_DIR="+dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", everyMoment)
	s.dataDir = dir
	s.awaitReady(t)
	return s
}

// startReplica starts a replica as Kubernetes runs it: it goes on serving for a moment after SIGTERM.
func startReplica(t *testing.T, program string, variables []string) *service {
	t.Helper()
	s := launchProgram(t, program, append(variables, "CLIENTS_SHUTDOWN_DELAY=1s", everyMoment)...)
	s.awaitReady(t)
	return s
}

// route is the routing table of a load balancer: the replicas that receive requests.
type route struct {
	mu       sync.RWMutex
	replicas []*service
}

func (r *route) add(s *service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replicas = append(r.replicas, s)
}

func (r *route) removeOldest() *service {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.replicas[0]
	r.replicas = slices.Clone(r.replicas[1:])
	return oldest
}

func (r *route) any() *service {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.replicas[rand.IntN(len(r.replicas))]
}

// load is a number of callers that create, change and read clients through any replica. Every request has to succeed, and
// every read has to show the caller's last write.
type load struct {
	writes atomic.Int64
	failed atomic.Pointer[string]
	done   chan struct{}
	group  sync.WaitGroup
}

func startLoad(t *testing.T, r *route) *load {
	l := &load{done: make(chan struct{})}
	for caller := range 8 {
		l.group.Go(func() {
			for n := 0; !l.ended(); n++ {
				if err := l.round(r, fmt.Sprintf("caller %d round %d", caller, n)); err != nil {
					text := err.Error()
					l.failed.CompareAndSwap(nil, &text)
				}
			}
		})
	}
	t.Cleanup(func() { l.stop(t) })
	return l
}

// round creates a client, renames it, reads it and deletes it, each through a replica of its own.
func (l *load) round(r *route, name string) error {
	created, err := r.any().send(http.MethodPost, "/clients", `{"client":{"name":"new"}}`, asJSON)
	if err == nil && created.status != http.StatusCreated {
		err = fmt.Errorf("POST: %d %s", created.status, created.body)
	}
	if err != nil {
		return err
	}
	at := created.header.Get("Location")
	for _, request := range []struct{ method, body, shows string }{
		{http.MethodPut, `{"client":{"name":"` + name + `"}}`, ""},
		{http.MethodGet, "", name},
		{http.MethodDelete, "", ""},
	} {
		got, err := r.any().send(request.method, at, request.body, asJSON)
		if err != nil {
			return err
		}
		if got.status != http.StatusOK || request.shows != "" && !jsonNames(got.body, request.shows) {
			return fmt.Errorf("%s %s: %d %s", request.method, at, got.status, got.body)
		}
		l.writes.Add(1)
	}
	return nil
}

// jsonNames reports whether a JSON document of a client has a name.
func jsonNames(document, name string) bool {
	var d map[string]map[string]any
	return json.Unmarshal([]byte(document), &d) == nil && d["client"]["name"] == name
}

func (l *load) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return l.failed.Load() != nil
	}
}

// awaitProgress waits until the callers have done some more work, and fails if one of them failed.
func (l *load) awaitProgress(t *testing.T) {
	t.Helper()
	target := l.writes.Load() + 200
	eventually(t, func() bool { return l.writes.Load() >= target || l.failed.Load() != nil }, "the callers go on")
	l.check(t)
}

func (l *load) check(t *testing.T) {
	t.Helper()
	if failure := l.failed.Load(); failure != nil {
		require.Fail(t, "a request failed", *failure)
	}
}

// stop ends the callers, once, and fails if one of them failed.
func (l *load) stop(t *testing.T) {
	if !l.ended() {
		close(l.done)
	}
	l.group.Wait()
	l.check(t)
}
