package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/transport/login"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// folder is a folder of users, each file as "account: user password, user password".
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		account, users, _ := strings.Cut(file, ": ")
		writeUsers(t, dir, account, strings.Split(users, ", ")...)
	}
	return dir
}

// writeUsers puts a file in the place of another one, whole.
func writeUsers(t *testing.T, dir, account string, users ...string) {
	t.Helper()
	content := "# users of " + account + "\n\n"
	for _, user := range users {
		name, password, _ := strings.Cut(user, " ")
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		require.NoError(t, err)
		content += name + ":" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n"
	}
	draft := filepath.Join(dir, "..draft")
	require.NoError(t, os.WriteFile(draft, []byte(content), 0o600))
	require.NoError(t, os.Rename(draft, filepath.Join(dir, account+".htpasswd")))
}

func launchWithUsers(t *testing.T, dir string) *app {
	t.Helper()
	settings := testSettings(t)
	users, err := login.ReadUsers(dir)
	require.NoError(t, err)
	settings.credentialsDir, settings.users = dir, users
	return launchWith(t, settings)
}

func as(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestNobodyGetsInWithoutALogin(t *testing.T) {
	t.Parallel()
	a := launchWithUsers(t, folder(t, "acme: anna secret"))
	last := a.tap().lastSequence()
	for _, header := range []string{
		"X-None: x", as("anna", "wrong"), as("anna", ""), as("", "secret"), as("bert", "secret"), as("ANNA", "secret"),
		"Authorization: Basic ???", "Authorization: Basic", "Authorization: Bearer x", "Authorization: anna:secret",
	} {
		for _, call := range []struct{ method, path string }{
			{"GET", "/clients/1.json"}, {"POST", "/clients"}, {"PATCH", "/nowhere"}, {"DELETE", "/clients/1"},
		} {
			got := a.want(401, call.method, call.path, newClient, asXML, header)
			require.Equal(t, "Authentication failed for API request.", got.message(t))
			require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic "))
		}
	}
	require.Equal(t, last, a.tap().lastSequence())
	require.NotContains(t, a.logged.String(), "secret")
	require.Equal(t, 200, a.ops("/readyz").status, "operations need no login")
}

// Who is wrong too often has to wait, and does not keep out who was right before.
func TestFailedLoginsAreThrottled(t *testing.T) {
	t.Parallel()
	a := launchWithUsers(t, folder(t, "acme: anna secret, adam other"))
	a.want(200, "GET", "/clients", "", as("anna", "secret"))
	tries := 0
	for ; tries < 100; tries++ {
		if got := a.do("GET", "/clients", "", as("anna", fmt.Sprint("wrong ", tries))); got.status != 401 {
			require.Equal(t, 503, got.status)
			require.NotEmpty(t, got.header.Get("Retry-After"))
			break
		}
	}
	require.Less(t, tries, 100)
	a.want(200, "GET", "/clients", "", as("anna", "secret"))
	a.want(200, "GET", "/clients", "", as("adam", "other"))
}

// Users of one account neither see nor change nor learn of the clients of another one.
func TestAccountsAreSeparate(t *testing.T) {
	t.Parallel()
	a := launchWithUsers(t, folder(t, "acme: anna secret, adam other", "globex: bert secret"))
	anna, adam, bert := as("anna", "secret"), as("adam", "other"), as("bert", "secret")
	created := a.want(201, "POST", "/clients", newClient, asXML, anna, "Idempotency-Key: 1")
	id := created.id(t)
	tag := a.want(200, "GET", path(id), "", adam).tag()
	for _, p := range []string{path(id), path(id + 1000)} {
		require.Equal(t, "Client not found.", a.want(404, "GET", p, "", bert).message(t))
		a.want(404, "GET", p, "", bert, "If-None-Match: "+tag)
		a.want(404, "PUT", p, "<client><name>x</name></client>", asXML, bert)
		a.want(404, "PUT", p, "<client><name>x</name></client>", asXML, bert, "If-Match: "+tag)
		a.want(404, "POST", p+"/toggle", "", bert)
		a.want(404, "DELETE", p, "", bert, "If-Match: "+tag)
	}
	require.NotContains(t, a.want(200, "GET", "/clients", "", bert).body, "<client>")
	theirs := a.want(201, "POST", "/clients", newClient, asXML, bert, "Idempotency-Key: 1")
	require.NotEqual(t, id, theirs.id(t), "keys belong to their account")
	a.want(200, "PUT", path(id), "<client><name>x</name></client>", asXML, adam)

	messages := a.tap().messages()
	require.Equal(t, fmt.Sprintf("clients.acme.%d", id), messages[0].subject)
	require.Equal(t, "anna", messages[0].header.Get("ce-actor"))
	require.Equal(t, fmt.Sprintf("clients.globex.%d", theirs.id(t)), messages[1].subject)
	require.Equal(t, "adam", messages[2].header.Get("ce-actor"))
}

// What old clients send as a login is understood.
func TestLoginsInOldForms(t *testing.T) {
	t.Parallel()
	a := launchWithUsers(t, folder(t, "acme: anna@example.com se:cr(e)t"))
	sent := base64.StdEncoding.EncodeToString([]byte("anna@example.com:se:cr(e)t"))
	for _, header := range []string{"Basic " + sent, "basic " + sent, "BASIC  " + sent, "Basic (" + sent + ")", "Basic " + strings.TrimRight(sent, "=")} {
		a.want(200, "GET", "/clients", "", "Authorization: "+header)
	}
}

// The folder may change, as Kubernetes changes a mounted Secret: who is taken out is out within seconds.
func TestUsersChangeWhileTheServiceRuns(t *testing.T) {
	t.Parallel()
	first, second := folder(t, "acme: anna secret, adam other"), folder(t, "acme: anna new, carl third")
	dir := t.TempDir()
	link := func(to string) {
		t.Helper()
		next := filepath.Join(dir, "..next")
		require.NoError(t, os.Symlink(to, next))
		require.NoError(t, os.Rename(next, filepath.Join(dir, "..data")))
	}
	link(first)
	require.NoError(t, os.Symlink(filepath.Join("..data", "acme.htpasswd"), filepath.Join(dir, "acme.htpasswd")))
	a := launchWithUsers(t, dir)
	a.want(200, "GET", "/clients", "", as("anna", "secret"))
	a.want(200, "GET", "/clients", "", as("adam", "other"))
	link(second)
	eventually(t, "the old password is out", func() bool { return a.do(http.MethodGet, "/clients", "", as("anna", "secret")).status == 401 })
	a.want(401, "GET", "/clients", "", as("adam", "other"))
	a.want(200, "GET", "/clients", "", as("anna", "new"))
	a.want(200, "GET", "/clients", "", as("carl", "third"))

	require.NoError(t, os.WriteFile(filepath.Join(second, "acme.htpasswd"), []byte("anna:plain\n"), 0o600))
	eventually(t, "a fault is logged", func() bool { return strings.Contains(a.logged.String(), "the users stay as they were") })
	a.want(200, "GET", "/clients", "", as("anna", "new"))
}

func TestFaultsOfTheUsersAreToldAtStart(t *testing.T) {
	t.Parallel()
	good := folder(t, "acme: anna secret", "globex: anna other")
	bad := folder(t, "Not_An_Account: bert secret")
	require.NoError(t, os.WriteFile(filepath.Join(bad, "acme.htpasswd"), []byte("anna:secret\n:x\ncarl\n"), 0o600))
	for dir, faults := range map[string][]string{
		good:                            {"the user \"anna\" stands in acme.htpasswd already"},
		bad:                             {"\"Not_An_Account\" is not an account", "line 1", "line 2", "line 3"},
		t.TempDir():                     {"has no user"},
		filepath.Join(bad, "not there"): {"no such file"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		code, _, stderr := serveInProcess(t, data, "--credentials-dir", dir, "--http-addr", "0.0.0.0:0")
		require.Equal(t, 2, code)
		require.Len(t, lines(stderr), len(faults), stderr)
		for _, fault := range faults {
			require.Contains(t, stderr, fault)
		}
		require.NotContains(t, stderr, "secret")
		require.NoDirExists(t, data)
	}
}

func TestRateLimitOfAUser(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	dir := folder(t, "acme: anna secret, adam other")
	users, err := login.ReadUsers(dir)
	require.NoError(t, err)
	settings.credentialsDir, settings.users, settings.rateLimit = dir, users, 5
	a := launchWith(t, settings)
	for range 5 {
		a.want(200, "GET", "/clients", "", as("anna", "secret"))
	}
	got := a.want(503, "GET", "/clients.json", "", as("anna", "secret"))
	require.NotEmpty(t, got.message(t))
	require.Contains(t, []string{"1", "2", "3"}, got.header.Get("Retry-After"))
	a.want(200, "GET", "/clients", "", as("adam", "other"))
	a.want(401, "GET", "/clients", "", as("anna", "wrong"))
	eventually(t, "there is room again", func() bool { return a.do("GET", "/clients", "", as("anna", "secret")).status == 200 })
}
