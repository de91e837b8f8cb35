package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const authenticationFailed = "Authentication failed for API request."

// Without a login, responses reveal nothing, not even which paths and methods exist.
func TestLoginComesBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	for _, request := range []string{
		"GET /clients", "GET " + path(id), "GET /clients/999999999", "GET /", "GET /nowhere", "GET /clients?updated_since=nonsense",
		"DELETE /clients", "BREW /clients", "PUT " + path(id), "POST " + togglePath(id), "DELETE " + path(id), "POST /clients",
	} {
		method, target, _ := strings.Cut(request, " ")
		for _, login := range []string{"", a.account + ":wrong", "nobody:right", ":"} {
			for _, format := range []string{acceptXML, acceptJSON} {
				r := a.as(login).want(401, method, target, "{", "Content-Type: image/png", "If-Match: \"x\"", "Idempotency-Key: k", format)
				require.Equal(t, authenticationFailed, r.message(t))
				require.Equal(t, `Basic realm="Clients API", charset="UTF-8"`, r.header.Get("WWW-Authenticate"))
				for _, name := range []string{"Allow", "Hint", "ETag", "Location", "Retry-After", "Cache-Control"} {
					require.Empty(t, r.header.Values(name), name)
				}
			}
		}
	}
	require.Equal(t, "SuprCorp", a.get(id).Name)
	require.Equal(t, 200, a.service.on(t).at(a.service.ops).do("GET", "/readyz", "").status, "the operations endpoints have no logins")
}

func TestLoginsAreAcceptedInEveryForm(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 72)
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+newSecret(t, files{
		"shop.htpasswd": htpasswd(t, 4, "ann@example.com:se:cret!"), "other.htpasswd": htpasswd(t, 4, "ünal:two"),
		"more.htpasswd": htpasswd(t, 4, "jörg:pässword") + htpasswd(t, 4, "long:"+long) + htpasswd(t, 4, "a:a"),
	}).dir)
	encoded := base64.StdEncoding.EncodeToString([]byte("ann@example.com:se:cret!"))
	for _, given := range []string{
		"Basic " + encoded, "Basic (" + encoded + ")", "basic " + encoded, "BASIC  " + strings.TrimRight(encoded, "="), "Basic\t" + encoded,
	} {
		s.want(200, "GET", "/clients", "", "Authorization: "+given)
	}
	for _, c := range []struct { // in UTF-8 and in Latin-1, and passwords that bcrypt does not distinguish
		status int
		login  string
	}{
		{200, "jörg:pässword"}, {200, "j\xf6rg:p\xe4ssword"}, {200, "ünal:two"}, {200, "\xfcnal:two"},
		{401, "jörg:passwort"}, {401, "jörg:p\xe5ssword"}, {401, "jörg:p\xc3\xa5ssword"}, {401, "j\xf6rg:"}, {401, ":"}, {401, ""},
		{200, "long:" + long}, {401, "long:" + long + "x"}, {401, "long:" + long + long}, {401, "long:" + long[1:]},
		{200, "a:a"}, {401, "a:a\x00"}, {401, "a:a\x00a"}, {401, "a:\x00"}, {401, "a:a:a"},
	} {
		r := s.want(c.status, "GET", "/clients", "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(c.login)))
		require.Equal(t, c.status == 401, r.header.Get("WWW-Authenticate") != "")
	}
	for _, given := range []string{"Basic", "Bearer " + encoded, encoded, "Basic ann@example.com:se:cret!"} {
		s.want(401, "GET", "/clients", "", "Authorization: "+given)
	}
	s.want(401, "GET", "/clients", "", "Authorization: Basic "+encoded, "Authorization: Basic "+encoded)
	for _, request := range []string{"GET /clients", "OPTIONS *", "TRACE /", "GET http://elsewhere/clients"} {
		method, target, _ := strings.Cut(request, " ")
		raw := s.raw(method, target, "")
		require.Contains(t, raw, "HTTP/1.1 401 Unauthorized\r\n", request)
		require.Contains(t, raw, "\r\nWWW-Authenticate: Basic realm=\"Clients API\", charset=\"UTF-8\"\r\n", "spelled as callers expect")
	}

	// A user acts on the account of the file.
	one, two := s.as("ann@example.com:se:cret!").create("One"), s.as("ünal:two").create("Two")
	stored := events(t, s.administrator(t), "clients.>")
	require.Len(t, stored, 2)
	for i, want := range []struct{ subject, actor string }{
		{fmt.Sprintf("clients.shop.%d", one), "ann@example.com"}, {fmt.Sprintf("clients.other.%d", two), "ünal"},
	} {
		actor, err := url.PathUnescape(stored[i].header.Get("ce-actor"))
		require.NoError(t, err)
		require.Equal(t, want.subject, stored[i].subject)
		require.Equal(t, want.actor, actor)
	}
}

// A password is checked once for many requests, wrong ones are throttled, and none is logged.
func TestPasswordsAreCheckedOnceAndNeverLogged(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:correct-horse", "bob:two"), "CLIENTS_LOG_LEVEL=debug")
	logins := func(outcome string) float64 { return s.metric("clients_logins_total", `outcome="`+outcome+`"`) }
	checks := func() float64 { return logins("verified") + logins("refused") }
	for range 50 {
		s.as("ann:correct-horse").want(200, "GET", "/clients", "")
		s.as("ann:wrong-horse").want(401, "GET", "/clients", "")
		s.as("unknown-horse:").want(401, "GET", "/clients", "")
	}
	require.Equal(t, 3.0, checks(), "one right, one wrong, one unknown")
	require.Equal(t, 49.0, logins("remembered"))
	require.Equal(t, 98.0, logins("repeated"))
	require.Equal(t, 100.0, s.metric("clients_http_requests_total", `method="GET"`, `route="/clients"`, `status="401"`))

	s.as("bob:two").want(200, "GET", "/clients", "")
	for name, guesses := range map[string]int{"ann": 9, "nobody": 10} { // one of ann's has failed above
		for i := range guesses {
			s.as(fmt.Sprintf("%s:horse %d", name, i)).want(401, "GET", "/clients", "")
		}
	}
	require.Equal(t, 3.0+1+19, checks())
	for _, login := range []string{"ann:another-horse", "nobody:correct-horse"} {
		for _, format := range []string{acceptXML, acceptJSON} {
			r := s.as(login).want(503, "GET", "/clients", "", format)
			require.NotEmpty(t, r.message(t))
			wait, err := strconv.Atoi(r.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, 10)
		}
	}
	s.as("bob:two").want(200, "GET", "/clients", "")
	require.Equal(t, 3.0+1+19, checks())
	require.Equal(t, 4.0, logins("throttled"))
	require.Equal(t, 4.0, s.metric("clients_http_outcomes_total", `outcome="held_off"`))
	require.Zero(t, s.metric("clients_http_outcomes_total", `outcome="failed"`), "it is no reason for an alert")

	s.as("ann:correct-horse").do("POST", "/clients", "<client>", asXML)
	s.want(401, "GET", "/last", "", "Authorization: Basic horse")
	eventually(t, func() bool { return s.stderr.contains("/last") }, "the last request is logged")
	s.kill()
	log := s.stderr.String()
	for _, never := range []string{"horse", "Basic", "$2", base64.StdEncoding.EncodeToString([]byte("ann:correct-horse")), "level=ERROR"} {
		require.NotContains(t, log, never)
	}
	require.Contains(t, log, "account=shop actor=ann")
	require.Contains(t, log, `account="" actor=""`, "of requests without a valid login")
	require.Contains(t, log, "user=ann", "whose password was wrong")
}
