package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/transport"

	"github.com/stretchr/testify/require"
)

const oneClient = "<clients>\n<client><name>One</name></client>\n</clients>"

// The API's certificate is held against the authority that is named; what does not heal is told at once.
func TestImportByHTTPS(t *testing.T) {
	t.Parallel()
	c, other := newCertificates(t), newCertificates(t)
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one")}), func(s *settings) {
		certificate, err := transport.OpenCertificate(c.cert, c.key)
		require.NoError(t, err)
		s.certificate = certificate
	})
	list := newList(t, oneClient)
	secure := "https://" + a.apiAddr()
	begun := time.Now()
	for _, refused := range []struct {
		told string
		args []string
	}{
		{"certificate signed by unknown authority\nhint: name the file of its certificate authority with --ca", []string{"--url", secure}},
		{"certificate signed by unknown authority", []string{"--url", secure, "--ca", other.ca}},
		{"match localhost", []string{"--url", strings.Replace(secure, "127.0.0.1", "localhost", 1), "--ca", c.ca}},
		{"Client sent an HTTP request to an HTTPS server.\nhint: if the service has a certificate, use https in --url", nil},
		{"login required\nhint: set CLIENTS_IMPORT_LOGIN", []string{"--url", secure, "--ca", c.ca}},
		{"login of ann rejected", []string{"--url", secure, "--ca", c.ca, "--login", "ann:two"}},
		{"server gave HTTP response to HTTPS client\nhint: use http in --url", []string{"--url", "https://" + a.opsAddr(), "--ca", c.ca}},
		{"unexpected response 404 Not Found", []string{"--url", "http://" + a.opsAddr()}},
		{"nowhere.invalid", []string{"--url", "http://nowhere.invalid"}},
	} {
		code, out, stderr := list.importTo(a, refused.args...)
		require.Equal(t, 1, code)
		require.Empty(t, out)
		require.Contains(t, stderr, refused.told)
	}
	require.Less(t, time.Since(begun), 30*time.Second)
	code, _, stderr := list.importTo(a, "--url", secure, "--ca", c.ca, "--login", "ann:one")
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "1 created")
}

// A service that is away is waited for, and that is told, once, whoever notices.
func TestImportWaitsForAServiceThatIsAway(t *testing.T) {
	t.Parallel()
	a := launch(t)
	var away atomic.Int64
	away.Store(3)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Add(-1) >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer, err := a.send(r.Method, r.URL.Path, "<client><name>One</name></client>", asXML, acceptJSON)
		if err == nil {
			w.Header().Set("Location", answer.header.Get("Location"))
			w.WriteHeader(answer.status)
			fmt.Fprint(w, answer.body)
		}
	}))
	defer front.Close()
	code, _, stderr := newList(t, "<clients>"+strings.Repeat("<client><name>One</name></client>", 3)+"</clients>").importTo(a, "--url", front.URL)
	require.Zero(t, code, stderr)
	require.Len(t, a.list(""), 3)
	require.Equal(t, []string{"waiting for " + front.URL + ": 502 Bad Gateway", "3 created, 0 already imported, 0 rejected"}, lines(stderr))
}

func TestImportThatIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var out, told syncBuffer
	ended := make(chan int)
	list := newList(t, oneClient)
	go func() { ended <- run(ctx, []string{"import", list.path, "--url", "http://127.0.0.1:1"}, &out, &told) }()
	eventually(t, "it says that it waits", func() bool {
		return strings.Contains(told.String(), "waiting for http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused")
	})
	interrupt()
	require.Equal(t, 1, <-ended)
	require.Contains(t, told.String(), "error: import: interrupted\nhint: run it again to continue\n")
	require.NotContains(t, told.String(), "context")
}

func TestImportIsSentOnByNobody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	front := httptest.NewServer(http.RedirectHandler("https://elsewhere/clients", http.StatusMovedPermanently))
	defer front.Close()
	code, _, stderr := newList(t, oneClient).importTo(a, "--url", front.URL)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `redirects to "https://elsewhere/clients"`)
}
