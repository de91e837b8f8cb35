package e2e_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificateFiles are the files that certificate made.
func certificateFiles(variables []string) (cert, key string) {
	return strings.TrimPrefix(variables[0], "CLIENTS_TLS_CERT="), strings.TrimPrefix(variables[1], "CLIENTS_TLS_KEY=")
}

// replaceFile replaces a file as a whole.
func replaceFile(t *testing.T, name, by string) {
	t.Helper()
	content, err := os.ReadFile(by)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name+".new", content, 0o600))
	require.NoError(t, os.Rename(name+".new", name))
}

func TestTheAPIIsServedByHTTPS(t *testing.T) {
	t.Parallel()
	variables, trust := certificate(t)
	s := start(t, append(variables, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:one"))...)
	require.True(t, strings.HasPrefix(s.base, "https://127.0.0.1:"), s.base)
	require.True(t, strings.HasPrefix(s.ops, "http://"))
	require.True(t, s.stdout.contains("curl -u USER "+s.base+"/clients"))
	require.Equal(t, 200, s.operations("/readyz").status)
	require.InDelta(t, time.Now().Add(time.Hour).Unix(), s.metric("clients_certificate_expiry_timestamp_seconds", `certificate="api"`), 600)
	secure := s.trusting(t, trust)
	secure.http.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	secure.want(401, "GET", "/clients", "")
	id := secure.as("ann:one").create("SuprCorp")

	addr := strings.TrimPrefix(s.base, "https://")
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: trust.RootCAs, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	require.GreaterOrEqual(t, conn.ConnectionState().Version, uint16(tls.VersionTLS12))
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.0\r\nAuthorization: Basic (YW5uOm9uZQ==)\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<client/>", path(id))
	require.NoError(t, err)
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(reply), "\r\nLocation: "+path(id)+"\r\n", "spelled as callers expect")
	for name, config := range map[string]*tls.Config{
		"TLS 1.1":              {RootCAs: trust.RootCAs, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"nothing but HTTP/2":   {RootCAs: trust.RootCAs, NextProtos: []string{"h2"}},
		"an unknown authority": {},
	} {
		_, err = tls.Dial("tcp", addr, config)
		require.Error(t, err, name)
	}
	old, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: trust.RootCAs, NextProtos: []string{"http/1.0"}})
	require.NoError(t, err, "curl --http1.0")
	defer old.Close()
	_, err = io.WriteString(old, "GET /clients HTTP/1.0\r\nAuthorization: Basic YW5uOm9uZQ==\r\n\r\n")
	require.NoError(t, err)
	reply, err = io.ReadAll(old)
	require.NoError(t, err)
	require.Contains(t, string(reply), "HTTP/1.0 200 OK")
	plain, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer plain.Close()
	_, err = io.WriteString(plain, "GET /clients HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOm9uZQ==\r\n\r\n")
	require.NoError(t, err)
	reply, err = io.ReadAll(plain)
	require.NoError(t, err)
	require.NotContains(t, string(reply), "200")
	require.Zero(t, s.stop(t))
}

func TestTheCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	first, trustFirst := certificate(t)
	second, trustSecond := certificate(t)
	cert, key := certificateFiles(first)
	otherCert, otherKey := certificateFiles(second)
	s := start(t, first...)
	trusted := func(trust *tls.Config) bool {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.base, "https://"), trust)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	require.True(t, trusted(trustFirst))
	require.False(t, trusted(trustSecond))
	replaceFile(t, cert, otherCert)
	eventually(t, func() bool { return s.stderr.contains("reload failed, keeping last valid configuration") }, "half of it is no certificate")
	require.True(t, trusted(trustFirst))
	replaceFile(t, key, otherKey)
	eventually(t, func() bool { return trusted(trustSecond) }, "the new one is served")
	require.False(t, trusted(trustFirst))
}

func TestInvalidCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	first, _ := certificate(t)
	second, _ := certificate(t)
	cert, key := certificateFiles(first)
	_, otherKey := certificateFiles(second)
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("top secret"), 0o600))
	const pair = "CLIENTS_TLS_CERT: with CLIENTS_TLS_KEY: "
	for _, c := range []struct {
		cert, key string
		faults    []string // how the lines begin
	}{
		{cert, "", []string{"CLIENTS_TLS_CERT: requires CLIENTS_TLS_KEY"}},
		{"", key, []string{"CLIENTS_TLS_KEY: requires CLIENTS_TLS_CERT"}},
		{"/nowhere/cert", "/nowhere/key", []string{"CLIENTS_TLS_CERT: open", "CLIENTS_TLS_KEY: open"}},
		{cert, otherKey, []string{pair}},
		{key, cert, []string{pair}},
		{text, text, []string{pair}},
	} {
		requireFaults(t, c.faults, "CLIENTS_TLS_CERT="+c.cert, "CLIENTS_TLS_KEY="+c.key)
	}
}

// requireFaults requires that a start is refused with one line for each fault, which contains it, and touches nothing. The
// word "secret" is not shown.
func requireFaults(t *testing.T, faults []string, variables ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	r := run(t, append([]string{"CLIENTS_DATA_DIR=" + dir}, variables...), "serve")
	require.Equal(t, 2, r.code, "%v: %s", variables, r.stderr)
	require.Empty(t, r.stdout)
	lines := linesOf(r.stderr)
	require.Len(t, lines, len(faults), "%v: %s", variables, r.stderr)
	for _, fault := range faults {
		require.Equal(t, 1, strings.Count(r.stderr, fault), "%q: %s", fault, r.stderr)
	}
	require.NotContains(t, r.stderr, "cret")
	require.NoDirExists(t, dir)
}
