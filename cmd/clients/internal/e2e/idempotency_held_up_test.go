package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// keyedSite is a cluster with one replica whose requests can be held up, behind the gate, and two others.
type keyedSite struct {
	t     *testing.T
	gate  *gate
	slow  *service
	fast  []*client // of the two others
	other *service  // one of them
	id    int64     // of the test's client
	key   string    // the header with the test's key

	// Texts that the slow replica sends for the test's request alone.
	sendsClaim, sendsEvent string
}

func newKeyedSite(t *testing.T) *keyedSite {
	t.Helper()
	servers := natstest.Run(t, 3, func(o *server.Options) { o.Cluster.NoAdvertise = true }) // so that all goes through the gate
	g := newGate(t, servers.Servers[0].ClientURL())
	fast := startReplicas(t, 2, servers.URL())
	slow := launch(t, "CLIENTS_NATS_URL="+g.url)
	slow.awaitReady(t)
	return &keyedSite{gate: g, slow: slow, fast: []*client{fast[0].client, fast[1].client}, other: fast[0]}
}

// next returns the site for a test, with a client and a key of its own, when no replica is held up.
func (s *keyedSite) next(t *testing.T) *keyedSite {
	t.Helper()
	t.Cleanup(func() { // also when the test has failed
		s.gate.open()
		s.slow.signal(t, syscall.SIGCONT)
	})
	own := *s
	own.t, own.fast = t, []*client{s.fast[0].on(t), s.fast[1].on(t)}
	own.id = own.fast[0].createOnce("SuprCorp")
	key := fmt.Sprintf("of client %d", own.id)
	own.key = "Idempotency-Key: " + key
	own.sendsClaim = fmt.Sprintf("HPUB $KV.CLIENTS_KEYS.default.%x ", sha256.Sum256([]byte(key)))
	own.sendsEvent = fmt.Sprintf("HPUB clients.default.%d ", own.id)
	eventually(t, func() bool {
		r, err := s.slow.send(http.MethodGet, path(own.id), "")
		return err == nil && r.status == http.StatusOK && r.header.Get("Warning") == ""
	}, "the slow replica reads")
	return &own
}

const key = "Idempotency-Key: 7b0f"

// A request with a key is held up at one of its steps, in one replica, while it is repeated through others.
func TestKeyedRequestsThatAreHeldUp(t *testing.T) {
	t.Parallel()
	site := newKeyedSite(t)
	for name, test := range map[string]func(*testing.T, *keyedSite){
		"a toggle is not applied behind its retries, slow link":         func(t *testing.T, s *keyedSite) { testToggleHeldUp(t, s, false) },
		"a toggle is not applied behind its retries, frozen process":    func(t *testing.T, s *keyedSite) { testToggleHeldUp(t, s, true) },
		"a deletion is not carried out after a refusal, slow link":      func(t *testing.T, s *keyedSite) { testDeleteHeldUp(t, s, false) },
		"a deletion is not carried out after a refusal, frozen process": func(t *testing.T, s *keyedSite) { testDeleteHeldUp(t, s, true) },
		"an update is not stored over a later write":                    testUpdateHeldUp,
		"an update on its way is not stored over a later write":         testUpdateOnItsWay,
		"a toggle on its way is the event of its retries":               testToggleOnItsWay,
		"a key that was taken over stays with its request":              testKeyTakenOver,
	} {
		t.Run(name, func(t *testing.T) { test(t, site.next(t)) })
	}
}

// asksForProjects is a text that a replica sends before it deletes or deactivates a client, and at other times.
const asksForProjects = "$JS.API.STREAM.INFO.PROJECTS"

// delayed sends a keyed request through the slow replica, and returns when it is held up.
func (s *keyedSite) delayed(at []string, method, path, body string, headers ...string) <-chan response {
	s.t.Helper()
	reached, responses := s.gate.arm(at...), make(chan response, 1)
	go func() {
		r, err := s.slow.send(method, path, body, append(headers, s.key)...)
		if err != nil {
			r.body = err.Error()
		}
		responses <- r
	}()
	select {
	case <-reached:
	case <-time.After(timeout):
		require.Fail(s.t, "the request is not held up")
	}
	return responses
}

// blocked prevents the deletion of the client by a project while retry is refused.
func (s *keyedSite) blocked(retry func()) {
	s.t.Helper()
	js := s.other.partner(s.t)
	project(s.t, js, "ProjectCreated", s.id, fmt.Sprintf(`"client_id":%d`, s.id))
	retry()
	project(s.t, js, "ProjectDeleted", s.id, "")
}

func (s *keyedSite) types() (all []string) {
	s.t.Helper()
	for _, e := range events(s.t, s.other.partner(s.t), "clients.default."+path(s.id)[len("/clients/"):]) {
		all = append(all, e.header.Get("ce-type")[len("clients.v1."):])
	}
	return all
}

// A keyed toggle is held up while it checks projects; its retry is refused; a third request with the key succeeds. The first
// one must detect that it has lost its key, and not toggle the client back.
func testToggleHeldUp(t *testing.T, s *keyedSite, freeze bool) {
	toggle := path(s.id) + "/toggle"
	first := s.delayed([]string{s.sendsClaim, asksForProjects}, http.MethodPost, toggle, "")
	if freeze {
		s.slow.signal(t, syscall.SIGSTOP)
	}
	s.blocked(func() { s.fast[0].settle(http.StatusBadRequest, http.MethodPost, toggle, "", s.key) })
	third := s.fast[1].settle(http.StatusOK, http.MethodPost, toggle, "", s.key)
	s.gate.open()
	if freeze {
		s.slow.signal(t, syscall.SIGCONT)
	}
	if late := <-first; late.status != http.StatusServiceUnavailable {
		require.Equal(t, http.StatusOK, late.status, late.body)
		require.Equal(t, third.header.Get("ETag"), late.header.Get("ETag"))
	}
	require.Equal(t, []string{"ClientCreated", "ClientToggled"}, s.types())
}

// A keyed deletion whose retry was refused is not executed afterwards.
func testDeleteHeldUp(t *testing.T, s *keyedSite, freeze bool) {
	first := s.delayed([]string{s.sendsClaim, asksForProjects}, http.MethodDelete, path(s.id), "")
	if freeze {
		s.slow.signal(t, syscall.SIGSTOP)
	}
	s.blocked(func() { s.fast[0].settle(http.StatusBadRequest, http.MethodDelete, path(s.id), "", s.key) })
	s.gate.open()
	if freeze {
		s.slow.signal(t, syscall.SIGCONT)
	}
	late := <-first
	require.Equal(t, http.StatusServiceUnavailable, late.status)
	t.Log(late.message(t))
	require.Equal(t, []string{"ClientCreated"}, s.types())
	s.fast[1].settle(http.StatusOK, http.MethodDelete, path(s.id), "", s.key)
}

// A keyed change is held up while it checks projects, and its retry is refused; others change the client, and their writes are acknowledged.
// The first must not be stored over that.
func testUpdateHeldUp(t *testing.T, s *keyedSite) {
	const body = `{"client":{"name":"First","active":false}}`
	first := s.delayed([]string{s.sendsClaim, asksForProjects}, http.MethodPut, path(s.id), body, asJSON)
	s.blocked(func() { s.fast[0].settle(http.StatusBadRequest, http.MethodPut, path(s.id), body, asJSON, s.key) })
	s.fast[1].settle(http.StatusOK, http.MethodPut, path(s.id), `{"client":{"name":"Later"}}`, asJSON)
	s.gate.open()
	require.Equal(t, http.StatusServiceUnavailable, (<-first).status)
	require.Equal(t, "Later", s.fast[0].attributes(s.id)["name"])
	require.Equal(t, []string{"ClientCreated", "ClientUpdated"}, s.types())
}

// The same, of one that is held up as it is sent: by then it cannot be called back, but others have changed what it was
// decided on.
func testUpdateOnItsWay(t *testing.T, s *keyedSite) {
	const body = `{"client":{"name":"First"}}`
	first := s.delayed([]string{s.sendsClaim, s.sendsEvent}, http.MethodPut, path(s.id), body, asJSON)
	s.fast[0].settle(http.StatusOK, http.MethodPut, path(s.id), body, asJSON)
	s.fast[0].settle(http.StatusOK, http.MethodPut, path(s.id), body, asJSON, s.key) // changes nothing
	s.fast[1].settle(http.StatusOK, http.MethodPut, path(s.id), `{"client":{"name":"Later"}}`, asJSON)
	s.gate.open()
	require.Equal(t, http.StatusServiceUnavailable, (<-first).status)
	require.Equal(t, "Later", s.fast[0].attributes(s.id)["name"])
	require.Equal(t, []string{"ClientCreated", "ClientUpdated", "ClientUpdated"}, s.types())
}

// A toggle on its way, whose retry is refused and whose third request is applied, is the same event as that.
func testToggleOnItsWay(t *testing.T, s *keyedSite) {
	toggle := path(s.id) + "/toggle"
	first := s.delayed([]string{s.sendsClaim, s.sendsEvent}, http.MethodPost, toggle, "")
	s.blocked(func() { s.fast[0].settle(http.StatusBadRequest, http.MethodPost, toggle, "", s.key) })
	third := s.fast[1].settle(http.StatusOK, http.MethodPost, toggle, "", s.key)
	s.gate.open()
	if late := <-first; late.status != http.StatusServiceUnavailable {
		require.Equal(t, third.header.Get("ETag"), late.header.Get("ETag"))
	}
	require.Equal(t, []string{"ClientCreated", "ClientToggled"}, s.types())
	again := s.fast[0].settle(http.StatusOK, http.MethodPost, toggle, "", s.key)
	require.Equal(t, third.header.Get("ETag"), again.header.Get("ETag"))
}

// A request whose retry was refused, and that has not ended, keeps its key from other requests: they would share its event.
func testKeyTakenOver(t *testing.T, s *keyedSite) {
	first := s.delayed([]string{s.sendsClaim, asksForProjects}, http.MethodDelete, path(s.id), "")
	s.blocked(func() { s.fast[0].settle(http.StatusBadRequest, http.MethodDelete, path(s.id), "", s.key) })
	s.fast[1].settle(http.StatusUnprocessableEntity, http.MethodPost, path(s.id)+"/toggle", "", s.key)
	s.gate.open()
	<-first
	require.Equal(t, []string{"ClientCreated"}, s.types())
}
