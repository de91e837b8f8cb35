package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// trusting makes what a caller needs to believe an authority. It offers HTTP/2.
func trusting(t *testing.T, ca string) *http.Transport {
	t.Helper()
	authority, err := os.ReadFile(ca)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// copied replaces a file as a whole.
func copied(t *testing.T, to, from string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".new", content, 0o600))
	require.NoError(t, os.Rename(to+".new", to))
}

func TestTheAPISpeaksHTTPS(t *testing.T) {
	t.Parallel()
	c, s := newCertificates(t), newSecret(t, files{"shop.htpasswd": user(t, "ann:one")})
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "CLIENTS_TLS_CERT="+c.cert, "CLIENTS_TLS_KEY="+c.key, "CLIENTS_CREDENTIALS_DIR="+s.dir)
	require.True(t, strings.HasPrefix(p.base, "https://127.0.0.1:"), p.base)
	require.True(t, strings.HasPrefix(p.opsURL, "http://"))
	require.Contains(t, p.stdout.String(), "curl -u USER "+p.base+"/clients")
	require.Equal(t, 200, p.at(p.opsURL).do("GET", "/readyz", "").status)

	transport := trusting(t, c.ca)
	p.http.Transport = transport
	id := p.as("ann:one").named("SuprCorp")
	request, err := http.NewRequestWithContext(t.Context(), "GET", p.base+path(id), nil)
	require.NoError(t, err)
	request.SetBasicAuth("ann", "one")
	response, err := p.http.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "HTTP/1.1", response.Proto)
	require.Equal(t, "http/1.1", response.TLS.NegotiatedProtocol)
	require.GreaterOrEqual(t, response.TLS.Version, uint16(tls.VersionTLS12))
	p.want(401, "GET", "/clients", "")

	addr := strings.TrimPrefix(p.base, "https://")
	old := transport.TLSClientConfig.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	_, err = tls.Dial("tcp", addr, old)
	require.Error(t, err, "TLS of old")
	two := transport.TLSClientConfig.Clone()
	two.NextProtos = []string{"h2"}
	_, err = tls.Dial("tcp", addr, two)
	require.Error(t, err, "HTTP/2 and nothing else")

	raw, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs})
	require.NoError(t, err)
	defer raw.Close()
	_, err = fmt.Fprintf(raw, "PUT %s HTTP/1.0\r\nAuthorization: Basic (YW5uOm9uZQ==)\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<client/>", path(id))
	require.NoError(t, err)
	answer, err := io.ReadAll(raw)
	require.NoError(t, err)
	require.Contains(t, string(answer), "\r\nLocation: "+path(id)+"\r\n", "spelled as callers look for it")

	plain, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer plain.Close()
	_, err = io.WriteString(plain, "GET /clients HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOm9uZQ==\r\n\r\n")
	require.NoError(t, err)
	answer, err = io.ReadAll(plain)
	require.NoError(t, err)
	require.NotContains(t, string(answer), "200")
	p.terminate(t)
	require.Zero(t, p.exitCode(t))
}

func TestTheCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	first, second, dir := newCertificates(t), newCertificates(t), t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	copied(t, cert, first.cert)
	copied(t, key, first.key)
	b := serveInBackground(t, unusedDir(t), "--embedded-nats-addr=127.0.0.1:0", "--log-format=text", "--tls-cert="+cert, "--tls-key="+key)
	a := b.ready(t)
	trusted := func(c certificates) bool {
		other := *a
		transport := trusting(t, c.ca)
		defer transport.CloseIdleConnections()
		other.http = &http.Client{Transport: transport, Timeout: patience}
		_, err := other.send("GET", "/clients", "")
		return err == nil
	}
	require.True(t, trusted(first))
	require.False(t, trusted(second))
	copied(t, cert, second.cert)
	eventually(t, "the half that has changed is no certificate", func() bool { return b.said("files have changed and cannot be used") })
	require.True(t, trusted(first))
	copied(t, key, second.key)
	eventually(t, "the new one is shown", func() bool { return trusted(second) })
	require.False(t, trusted(first))
	require.Zero(t, b.end())
}

func TestCertificatesThatCannotBe(t *testing.T) {
	t.Parallel()
	one, two := newCertificates(t), newCertificates(t)
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("top secret"), 0o600))
	for _, c := range []struct {
		cert, key string
		faults    []string
	}{
		{one.cert, "", []string{"CLIENTS_TLS_CERT: goes with CLIENTS_TLS_KEY"}},
		{"", one.key, []string{"CLIENTS_TLS_KEY: goes with CLIENTS_TLS_CERT"}},
		{"/nowhere/cert", "/nowhere/key", []string{"CLIENTS_TLS_CERT: open", "CLIENTS_TLS_KEY: open"}},
		{one.cert, "/nowhere/key", []string{"CLIENTS_TLS_KEY: open"}},
		{one.cert, two.key, []string{"CLIENTS_TLS_CERT: with CLIENTS_TLS_KEY: "}},
		{one.key, one.cert, []string{"CLIENTS_TLS_CERT: with CLIENTS_TLS_KEY: "}},
		{text, text, []string{"CLIENTS_TLS_CERT: with CLIENTS_TLS_KEY: "}},
	} {
		dir := unusedDir(t)
		code, stdout, stderr := serveInProcess(t, dir, "--tls-cert="+c.cert, "--tls-key="+c.key)
		require.Equal(t, 2, code)
		require.Empty(t, stdout)
		told := lines(stderr)
		require.Len(t, told, len(c.faults), stderr)
		for i, fault := range c.faults {
			require.True(t, strings.HasPrefix(told[i], "error: "+fault), told[i])
		}
		require.NotContains(t, stderr, "secret")
		require.NoDirExists(t, dir)
	}
}
