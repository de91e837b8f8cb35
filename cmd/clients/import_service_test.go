package main

import (
	"context"
	"crypto/x509"
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
		{"nobody knows here who has signed it; name its authority by --ca", []string{"--url", secure}},
		{"nobody knows here who has signed it", []string{"--url", secure, "--ca", other.ca}},
		{"it is not for localhost", []string{"--url", strings.Replace(secure, "127.0.0.1", "localhost", 1), "--ca", c.ca}},
		{"it may want https in --url. It says: Client sent an HTTP request to an HTTPS server.", nil},
		{"wants a login: --login", []string{"--url", secure, "--ca", c.ca}},
		{"refuses the login of ann", []string{"--url", secure, "--ca", c.ca, "--login", "ann:two"}},
		{"does not speak https: name it with http", []string{"--url", "https://" + a.opsAddr(), "--ca", c.ca}},
		{"answers 404: it is no clients service", []string{"--url", "http://" + a.opsAddr()}},
		{"there is no host nowhere.invalid", []string{"--url", "http://nowhere.invalid"}},
	} {
		code, out, stderr := list.importTo(a, refused.args...)
		require.Equal(t, 1, code)
		require.Empty(t, out)
		require.Contains(t, stderr, refused.told)
		require.NotContains(t, stderr, "run it again")
		require.NoFileExists(t, list.path+".imported")
	}
	require.Less(t, time.Since(begun), importPatience/4)
	code, _, stderr := list.importTo(a, "--url", secure, "--ca", c.ca, "--login", "ann:one")
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "1 client made")
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
	require.Equal(t, []string{
		"clients: " + front.URL + " puts off requests: 502 Bad Gateway; it is asked again, for 2m0s", "clients: it goes on",
		"3 clients made, 0 there from before, 0 refused.",
	}, lines(stderr))
}

func TestImportThatIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var out, told syncBuffer
	ended := make(chan int)
	list := newList(t, oneClient)
	go func() { ended <- run(ctx, []string{"import", list.path, "--url", "http://127.0.0.1:1"}, &out, &told) }()
	eventually(t, "it says that it waits", func() bool {
		return strings.Contains(told.String(), "nobody listens at http://127.0.0.1:1; it is asked again")
	})
	interrupt()
	require.Equal(t, 1, <-ended)
	require.Contains(t, told.String(), "import: interrupted; run it again to go on")
	require.NotContains(t, told.String(), "context")
}

func TestImportIsSentOnByNobody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	front := httptest.NewServer(http.RedirectHandler("https://elsewhere/clients", http.StatusMovedPermanently))
	defer front.Close()
	code, _, stderr := newList(t, oneClient).importTo(a, "--url", front.URL)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `sends callers on to "https://elsewhere/clients": name that by --url`)
}

func TestWhyACertificateIsNotAccepted(t *testing.T) {
	t.Parallel()
	require.Equal(t, "it has expired, or is not valid yet", distrust(x509.CertificateInvalidError{Reason: x509.Expired}))
}
