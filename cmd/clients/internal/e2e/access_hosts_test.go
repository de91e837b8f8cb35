package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// logins is a folder of credentials with the account team-a, whose user is anna:secret.
func logins(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "team-a.htpasswd"), []byte("anna:"+string(hash)+"\n"), 0o600))
	return "CLIENTS_CREDENTIALS_DIR=" + dir
}

// After DNS rebinding, a web page sends requests to this address with its own name as the Host.
func TestAForeignHostIsRefusedOnBothListeners(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_ALLOWED_HOSTS=clients.example.com, Other.Example.,[2001:db8::1]")
	s.create("SuprCorp")
	accepted := []string{
		"localhost", "LocalHost:1", "localhost.", "localhost.:8080", "127.0.0.1", "127.9.8.7:80", "127.0.0.1.", "[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]",
		"[::ffff:127.0.0.1]:80", "clients.example.com", "CLIENTS.example.com.:443", "other.example", "[2001:DB8:0::1]:80",
	}
	refused := []string{
		"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "x.localhost", "10.0.0.1", "0.0.0.0", "[::]", "[2001:db8::2]",
		"clients.example.com.evil", "sub.clients.example.com", "localhost:80:evil.example", "[::1]evil.example", "", "2130706433", "127.1",
	}
	for _, base := range []string{s.base, s.ops} {
		path := map[string]string{s.base: "/clients", s.ops: "/version"}[base]
		for _, host := range accepted {
			w := dial(t, base)
			w.write("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
			require.Equal(t, http.StatusOK, w.read().status, "%s %s", base, host)
		}
		for _, host := range refused {
			w := dial(t, base)
			w.write("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n\r\n")
			r := w.read()
			require.Equal(t, http.StatusMisdirectedRequest, r.status, "%s %s", base, host)
			require.Contains(t, r.body, "CLIENTS_ALLOWED_HOSTS")
			require.NotContains(t, r.body, "SuprCorp")
		}
		for request, want := range map[string]int{
			"GET " + path + " HTTP/1.0\r\n\r\n":                                                             http.StatusOK,
			"GET " + path + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n":                                   http.StatusOK,
			"GET " + path + " HTTP/1.0\r\nHost: evil.example\r\n\r\n":                                       http.StatusMisdirectedRequest,
			"GET http://localhost" + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n":                          http.StatusOK,
			"GET http://evil.example" + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n":                       http.StatusMisdirectedRequest,
			"GET http://localhost@evil.example" + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n":             http.StatusMisdirectedRequest,
			"GET " + path + " HTTP/1.1\r\n\r\n":                                                             http.StatusBadRequest,
			"GET " + path + " HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n":                    http.StatusBadRequest,
			"GET " + path + " HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n":                    http.StatusBadRequest,
			"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n":                                              http.StatusMisdirectedRequest,
			"GET " + path + " HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://clients.example.com\r\n\r\n": http.StatusMisdirectedRequest,
		} {
			w := dial(t, base)
			w.write(request)
			require.Equal(t, want, w.read().status, request)
		}
	}
	require.Equal(t, "application/json; charset=utf-8", s.want(http.StatusMisdirectedRequest, http.MethodGet, "/clients.json", "", "Host: evil.example").header.Get("Content-Type"))
	require.Contains(t, s.want(http.StatusMisdirectedRequest, http.MethodGet, "/clients", "", "Host: evil.example").message(t), "CLIENTS_ALLOWED_HOSTS")
}

func TestWithLoginsEveryHostIsAccepted(t *testing.T) {
	t.Parallel()
	s := start(t, logins(t))
	s.as("anna:secret").want(http.StatusOK, http.MethodGet, "/clients", "", "Host: clients.example.com")
	require.Equal(t, http.StatusOK, s.at(s.ops).do(http.MethodGet, "/readyz", "", "Host: pod.example").status)
}

func TestCrossOriginRequestsOfBrowsersAreRefused(t *testing.T) {
	t.Parallel()
	for name, variables := range map[string][]string{"without logins": nil, "with logins": {logins(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, append(variables, "CLIENTS_ALLOWED_HOSTS=clients.example.com")...)
			c := s.client.on(t)
			if variables != nil {
				c = c.as("anna:secret")
			}
			own := "Origin: " + s.base
			id := c.create("SuprCorp", own)
			for _, headers := range [][]string{
				{"Origin: https://evil.example"},
				{"Origin: null"},
				{"Origin: http://localhost:1"},
				{"Origin: https://clients.example.com.evil"},
				{"Origin: ftp://clients.example.com"},
				{"Origin: https://evil.example", "X-Forwarded-Host: evil.example"},
				{"Sec-Fetch-Site: cross-site"},
				{"Sec-Fetch-Site: same-site", "Origin: https://evil.example"},
			} {
				for _, call := range []string{"POST /clients?client[name]=New", "PUT " + path(id), "POST " + path(id) + "/toggle", "DELETE " + path(id), "POST /nothing"} {
					method, target, _ := strings.Cut(call, " ")
					r := c.want(http.StatusForbidden, method, target, "client[name]=Evil", append(headers, "Content-Type: application/x-www-form-urlencoded")...)
					require.NotEmpty(t, r.message(t))
				}
				c.want(http.StatusOK, http.MethodGet, "/clients", "", headers...)
			}
			require.Equal(t, "SuprCorp", c.attributes(id)["name"])
			for _, headers := range [][]string{
				nil,
				{own},
				{own, "Sec-Fetch-Site: same-origin"},
				{"Sec-Fetch-Site: none"},
				{"Origin: https://clients.example.com"}, // a reverse proxy that sends another Host
				{"Origin: http://Clients.Example.com.:8443"},
				{"Origin: https://clients.example.com", "Sec-Fetch-Site: cross-site"},
			} {
				c.create("SuprCorp", headers...)
			}
			c.want(http.StatusForbidden, http.MethodPost, "/clients.json", "", "Origin: null").message(t)
			const navigate, toDocument = "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
			for _, read := range []struct {
				status  int
				headers []string
			}{
				{http.StatusOK, nil},
				{http.StatusOK, []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"}},
				{http.StatusOK, []string{"Sec-Fetch-Site: none", navigate, toDocument}},
				{http.StatusOK, []string{"Sec-Fetch-Site: cross-site", navigate, toDocument}},
				{http.StatusOK, []string{"Sec-Fetch-Site: cross-site", "Origin: https://clients.example.com"}},
				{http.StatusForbidden, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}},
				{http.StatusForbidden, []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"}},
				{http.StatusForbidden, []string{"Sec-Fetch-Site: cross-site", navigate, "Sec-Fetch-Dest: iframe"}},
				{http.StatusForbidden, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", toDocument}},
				{http.StatusForbidden, []string{"Origin: https://evil.example"}},
			} {
				for _, target := range []string{"/console/", "/console" + path(id), "/console/console.js", "/clients/feed"} {
					c.want(read.status, http.MethodHead, target, "", read.headers...)
				}
			}
		})
	}
}

func TestInvalidAllowedHostsAreRefused(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"https://clients.example.com", "clients.example.com:8080", "a,,b", "*.example.com", "a b", "bücher.example"} {
		r := run(t, []string{"CLIENTS_ALLOWED_HOSTS=" + value}, "serve")
		require.Equal(t, 2, r.code, value)
		require.Equal(t, 1, strings.Count(r.stderr, "CLIENTS_ALLOWED_HOSTS: "), r.stderr)
	}
}
