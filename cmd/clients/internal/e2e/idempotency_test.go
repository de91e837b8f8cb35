package e2e_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// keyedSite is a cluster with one replica whose requests can be held up, behind the gate, and two others.
type keyedSite struct {
	t     *testing.T
	gate  *gate
	slow  *service
	fast  []*service
	id    int64 // of a client
	other *service
}

func newKeyedSite(t *testing.T) *keyedSite {
	t.Helper()
	servers := natstest.Run(t, 3)
	g := newGate(t, servers.Servers[0].ClientURL())
	fast := startReplicas(t, 2, servers.URL())
	slow := launch(t, "CLIENTS_NATS_URL="+g.url)
	slow.awaitReady(t)
	return &keyedSite{t: t, gate: g, slow: slow, fast: fast, other: fast[0], id: fast[0].create("SuprCorp")}
}

const key = "Idempotency-Key: 7b0f"

// delayed sends a keyed request through the slow replica, and returns when it is held up.
func (s *keyedSite) delayed(at []string, method, path, body string, headers ...string) <-chan response {
	s.t.Helper()
	reached, responses := s.gate.arm(at...), make(chan response, 1)
	go func() {
		r, err := s.slow.send(method, path, body, append(headers, key)...)
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

// blocked lets a project keep the client from its end while retry is refused.
func (s *keyedSite) blocked(retry func()) {
	s.t.Helper()
	js := s.other.partner(s.t)
	project(s.t, js, "ProjectCreated", 7, `"client_id":`+path(s.id)[len("/clients/"):])
	retry()
	project(s.t, js, "ProjectDeleted", 7, "")
}

func (s *keyedSite) types() (all []string) {
	s.t.Helper()
	for _, e := range events(s.t, s.other.partner(s.t), "clients.default."+path(s.id)[len("/clients/"):]) {
		all = append(all, e.header.Get("ce-type")[len("clients.v1."):])
	}
	return all
}

// A keyed toggle is held up while it checks projects; its retry is refused; the key is sent a third time and applied. The
// first must find that it has lost its key, and not toggle the client back.
func TestAKeyedToggleThatWasHeldUpIsNotAppliedBehindItsRetries(t *testing.T) {
	t.Parallel()
	for name, freeze := range map[string]bool{"slow link": false, "frozen process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newKeyedSite(t)
			toggle := path(s.id) + "/toggle"
			first := s.delayed([]string{sendsClaim, asksFence}, http.MethodPost, toggle, "")
			if freeze {
				s.slow.signal(t, syscall.SIGSTOP)
			}
			s.blocked(func() { s.fast[0].want(http.StatusBadRequest, http.MethodPost, toggle, "", key) })
			third := s.fast[1].want(http.StatusOK, http.MethodPost, toggle, "", key)
			s.gate.open()
			if freeze {
				s.slow.signal(t, syscall.SIGCONT)
			}
			if late := <-first; late.status != http.StatusServiceUnavailable {
				require.Equal(t, http.StatusOK, late.status, late.body)
				require.Equal(t, third.header.Get("ETag"), late.header.Get("ETag"))
			}
			require.Equal(t, []string{"ClientCreated", "ClientToggled"}, s.types())
		})
	}
}

// A keyed deletion whose retry was refused is not carried out any more.
func TestAKeyedDeleteThatWasHeldUpIsNotCarriedOutAfterItsRetryWasRefused(t *testing.T) {
	t.Parallel()
	for name, freeze := range map[string]bool{"slow link": false, "frozen process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newKeyedSite(t)
			first := s.delayed([]string{sendsClaim, asksFence}, http.MethodDelete, path(s.id), "")
			if freeze {
				s.slow.signal(t, syscall.SIGSTOP)
			}
			s.blocked(func() { s.fast[0].want(http.StatusBadRequest, http.MethodDelete, path(s.id), "", key) })
			s.gate.open()
			if freeze {
				s.slow.signal(t, syscall.SIGCONT)
			}
			late := <-first
			require.Equal(t, http.StatusServiceUnavailable, late.status)
			t.Log(late.message(t))
			require.Equal(t, []string{"ClientCreated"}, s.types())
			s.fast[1].want(http.StatusOK, http.MethodDelete, path(s.id), "", key)
		})
	}
}

// A keyed change is held up while it checks projects, and its retry is refused; others change the client and are answered.
// The first must not be stored over that.
func TestAKeyedUpdateThatWasHeldUpIsNotStoredOverALaterWrite(t *testing.T) {
	t.Parallel()
	s := newKeyedSite(t)
	const body = `{"client":{"name":"First","active":false}}`
	first := s.delayed([]string{sendsClaim, asksFence}, http.MethodPut, path(s.id), body, asJSON)
	s.blocked(func() { s.fast[0].want(http.StatusBadRequest, http.MethodPut, path(s.id), body, asJSON, key) })
	s.fast[1].want(http.StatusOK, http.MethodPut, path(s.id), `{"client":{"name":"Later"}}`, asJSON)
	s.gate.open()
	require.Equal(t, http.StatusServiceUnavailable, (<-first).status)
	require.Equal(t, "Later", s.other.attributes(s.id)["name"])
	require.Equal(t, []string{"ClientCreated", "ClientUpdated"}, s.types())
}

// The same, of one that is held up as it is sent: by then it cannot be called back, but others have changed what it was
// decided on.
func TestAKeyedUpdateOnItsWayIsNotStoredOverALaterWrite(t *testing.T) {
	t.Parallel()
	s := newKeyedSite(t)
	const body = `{"client":{"name":"First"}}`
	first := s.delayed([]string{sendsClaim, sendsEvent}, http.MethodPut, path(s.id), body, asJSON)
	s.fast[0].want(http.StatusOK, http.MethodPut, path(s.id), body, asJSON)
	s.fast[0].want(http.StatusOK, http.MethodPut, path(s.id), body, asJSON, key) // changes nothing
	s.fast[1].want(http.StatusOK, http.MethodPut, path(s.id), `{"client":{"name":"Later"}}`, asJSON)
	s.gate.open()
	require.Equal(t, http.StatusServiceUnavailable, (<-first).status)
	require.Equal(t, "Later", s.other.attributes(s.id)["name"])
	require.Equal(t, []string{"ClientCreated", "ClientUpdated", "ClientUpdated"}, s.types())
}

// A toggle on its way, whose retry is refused and whose third request is applied, is the same event as that.
func TestAKeyedToggleOnItsWayIsTheEventOfItsRetries(t *testing.T) {
	t.Parallel()
	s := newKeyedSite(t)
	toggle := path(s.id) + "/toggle"
	first := s.delayed([]string{sendsClaim, sendsEvent}, http.MethodPost, toggle, "")
	s.blocked(func() { s.fast[0].want(http.StatusBadRequest, http.MethodPost, toggle, "", key) })
	third := s.fast[1].want(http.StatusOK, http.MethodPost, toggle, "", key)
	s.gate.open()
	if late := <-first; late.status != http.StatusServiceUnavailable {
		require.Equal(t, third.header.Get("ETag"), late.header.Get("ETag"))
	}
	require.Equal(t, []string{"ClientCreated", "ClientToggled"}, s.types())
	again := s.fast[0].want(http.StatusOK, http.MethodPost, toggle, "", key)
	require.Equal(t, third.header.Get("ETag"), again.header.Get("ETag"))
}

// A request whose retry was refused, and that has not ended, keeps its key from other requests: they would share its event.
func TestAKeyThatWasTakenOverStaysWithItsRequest(t *testing.T) {
	t.Parallel()
	s := newKeyedSite(t)
	first := s.delayed([]string{sendsClaim, asksFence}, http.MethodDelete, path(s.id), "")
	s.blocked(func() { s.fast[0].want(http.StatusBadRequest, http.MethodDelete, path(s.id), "", key) })
	s.fast[1].want(http.StatusUnprocessableEntity, http.MethodPost, path(s.id)+"/toggle", "", key)
	s.gate.open()
	<-first
	require.Equal(t, []string{"ClientCreated"}, s.types())
}
