package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const authenticationFailed = "Authentication failed for API request."

// Whoever has not logged in learns nothing of what is here, not even which paths and methods there are.
func TestLoginComesBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one")}))
	id := a.as("ann:one").named("SuprCorp")
	for _, call := range []string{
		"GET /clients", "GET " + path(id), "GET /clients/999999", "GET /", "GET /nowhere", "GET /clients?updated_since=nonsense",
		"DELETE /clients", "BREW /clients", "PUT " + path(id), "POST " + togglePath(id), "DELETE " + path(id), "POST /clients",
	} {
		method, target, _ := strings.Cut(call, " ")
		for _, c := range []*caller{a.caller, a.as("ann:two"), a.as("bob:one"), a.as(":")} {
			for _, format := range []string{acceptXML, acceptJSON} {
				got := c.want(401, method, target, "what cannot be read", "Content-Type: image/png", "If-Match: \"x\"", "Idempotency-Key: k", format)
				require.Equal(t, authenticationFailed, got.message(t))
				require.Equal(t, `Basic realm="Clients API", charset="UTF-8"`, got.header.Get("WWW-Authenticate"))
				for _, name := range []string{"Allow", "Hint", "ETag", "Location", "Retry-After", "Cache-Control"} {
					require.Empty(t, got.header.Values(name), name)
				}
			}
		}
	}
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><error><message>`+authenticationFailed+`</message></error>`, compact(a.do("GET", "/clients", "").body))
	require.JSONEq(t, `{"message":"`+authenticationFailed+`"}`, a.do("GET", "/clients.json", "").body)
	require.Equal(t, "SuprCorp", a.as("ann:one").get(id).Name)
	require.Equal(t, 200, a.ops("/readyz").status, "the operations endpoints know no logins")
}

func TestLoginInAllTheWaysThatCallersKnow(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann@example.com:se:cret!")}))
	encoded := base64.StdEncoding.EncodeToString([]byte("ann@example.com:se:cret!"))
	for _, given := range []string{"Basic " + encoded, "Basic (" + encoded + ")", "basic " + encoded, "BASIC " + strings.TrimRight(encoded, "=")} {
		a.want(200, "GET", "/clients", "", "Authorization: "+given)
	}
	for _, given := range []string{"Basic", "Bearer " + encoded, encoded, "Basic ann@example.com:se:cret!"} {
		a.want(401, "GET", "/clients", "", "Authorization: "+given)
	}
	a.want(401, "GET", "/clients", "", "Authorization: Basic "+encoded, "Authorization: Basic "+encoded)

	for _, call := range []string{"GET /clients", "OPTIONS *", "TRACE /", "GET http://elsewhere/clients"} {
		conn, err := net.Dial("tcp", a.apiAddr())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, call+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		raw, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(raw), "HTTP/1.1 401 Unauthorized\r\n", call)
		require.Contains(t, string(raw), "\r\nWWW-Authenticate: Basic realm=\"Clients API\", charset=\"UTF-8\"\r\n", "spelled as callers look for it")
	}
}

func TestTheUserActsOnTheAccountOfHisFile(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann@example.com:one"), "other.htpasswd": user(t, "ünal:two")}))
	one, two := a.as("ann@example.com:one").named("One"), a.as("ünal:two").named("Two")
	events := a.tap().messages()
	require.Len(t, events, 2)
	require.Equal(t, fmt.Sprintf("clients.shop.%d", one), events[0].subject)
	require.Equal(t, "ann@example.com", unescaped(t, events[0].header.Get("ce-actor")))
	require.Equal(t, fmt.Sprintf("clients.other.%d", two), events[1].subject)
	require.Equal(t, "ünal", unescaped(t, events[1].header.Get("ce-actor")))
}

func TestAPasswordIsVerifiedOnceForManyRequests(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one") + user(t, "bob:two")}))
	for range 50 {
		a.as("ann:one").want(200, "GET", "/clients", "")
		a.as("ann:wrong").want(401, "GET", "/clients", "")
		a.as("nobody:one").want(401, "GET", "/clients", "")
	}
	require.Equal(t, 3, a.verifications(), "one right, one wrong, one unknown")
	require.Equal(t, 49, a.labelled("clients_logins_total", `outcome="remembered"`))
	require.Equal(t, 98, a.labelled("clients_logins_total", `outcome="repeated"`))
	require.Contains(t, a.ops("/metrics").body, `clients_http_requests_total{method="GET",route="/clients",status="401"} 100`+"\n")
}

func TestGuessingPasswordsIsPutOff(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one") + user(t, "bob:two")}))
	a.as("bob:two").want(200, "GET", "/clients", "")
	for _, name := range []string{"ann", "nobody"} {
		for i := range 10 {
			a.as(fmt.Sprintf("%s:guess %d", name, i)).want(401, "GET", "/clients", "")
		}
		for _, format := range []string{acceptXML, acceptJSON} {
			got := a.as(name+":one").want(503, "GET", "/clients", "", format)
			require.NotEmpty(t, got.message(t))
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, 10)
		}
	}
	a.as("bob:two").want(200, "GET", "/clients", "")
	require.Equal(t, 21, a.verifications())
	require.Equal(t, 4, a.labelled("clients_logins_total", `outcome="throttled"`))
	require.Equal(t, 4, a.labelled("clients_http_outcomes_total", `outcome="held_off"`))
	require.Zero(t, a.labelled("clients_http_outcomes_total", `outcome="failed"`), "who guesses makes no alert")
	require.NotContains(t, a.logged.String(), "level=ERROR", "it is nobody's fault here")
}

// A Secret changes under the running process: who is not in it any more is out within seconds.
func TestASecretThatChanges(t *testing.T) {
	t.Parallel()
	ann, bob := user(t, "ann:one"), user(t, "bob:two")
	s := newSecret(t, files{"shop.htpasswd": ann + bob})
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "CLIENTS_CREDENTIALS_DIR="+s.dir)
	id := p.as("ann:one").named("SuprCorp")
	p.as("bob:two").want(200, "GET", path(id), "")
	becomes := func(told, login string, status int) {
		t.Helper()
		eventually(t, told, func() bool { return p.as(login).do("GET", path(id), "").status == status })
	}
	s.swap(files{"shop.htpasswd": bob})
	becomes("who is removed is out", "ann:one", 401)
	p.as("bob:two").want(200, "GET", path(id), "")

	s.swap(files{"shop.htpasswd": user(t, "bob:three"), "new.htpasswd": ann})
	becomes("the new password is taken", "bob:three", 200)
	p.as("bob:two").want(401, "GET", path(id), "")
	becomes("who has moved has nothing of the old account", "ann:one", 404)

	s.swap(files{"shop.htpasswd": "bob:plain-text-password", "new.htpasswd": ann})
	eventually(t, "it is logged", func() bool { return strings.Contains(p.stderr.String(), "shop.htpasswd, line 1") })
	p.as("bob:three").want(401, "GET", path(id), "")
	p.as("bob:plain-text-password").want(401, "GET", path(id), "")
	p.as("ann:one").want(404, "GET", path(id), "")
	ops := p.at(p.opsURL)
	require.Contains(t, ops.do("GET", "/metrics", "").body, `clients_files_stale{files="credentials"} 1`+"\n")

	s.swap(files{"shop.htpasswd": bob})
	becomes("it is well again", "bob:two", 200)
	p.as("bob:three").want(401, "GET", path(id), "")
	require.Contains(t, ops.do("GET", "/metrics", "").body, `clients_files_stale{files="credentials"} 0`+"\n")
	require.Equal(t, 1, strings.Count(p.stderr.String(), "cannot be used"), "once")
	require.NotContains(t, p.stderr.String(), "plain-text-password")
}

func TestPasswordsAreNeverLogged(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:correct-horse")}), func(s *settings) { s.logLevel = slog.LevelDebug })
	id := a.as("ann:correct-horse").named("SuprCorp")
	logins := []string{"ann:correct-horse", "ann:wrong-horse", "unknown-horse:", "another:unknown-horse"}
	for _, login := range logins {
		a.as(login).do("GET", path(id), "")
		a.as(login).do("POST", "/clients", "<client>", asXML)
	}
	eventually(t, "the last request is logged", func() bool { return strings.Count(a.logged.String(), "msg=request ") == 9 })
	require.NotContains(t, a.logged.String(), "horse")
	require.NotContains(t, a.logged.String(), "Basic")
	require.NotContains(t, a.logged.String(), "$2")
	for _, login := range logins {
		require.NotContains(t, a.logged.String(), base64.StdEncoding.EncodeToString([]byte(login)))
	}
	require.Equal(t, 3, strings.Count(a.logged.String(), "account=shop actor=ann"))
	require.Equal(t, 6, strings.Count(a.logged.String(), `account="" actor=""`), "who cannot log in is nobody")
	require.Contains(t, a.logged.String(), "user=ann", "whose password was wrong")
}
