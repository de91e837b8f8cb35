package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// writeCertificate makes a certificate for this machine, with a key, in two files.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "clients"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

func TestTheAPIOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	settings := testSettings(t)
	settings.tlsCert, settings.tlsKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a := launchWith(t, settings)
	content, err := os.ReadFile(settings.tlsCert)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(content))

	conn, err := tls.Dial("tcp", a.apiAddr(), &tls.Config{RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol, "HTTP/2 has no Location and no Hint")
	_, err = fmt.Fprintf(conn, "POST /clients HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s", len(newClient), newClient)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 201, response.StatusCode)

	_, err = tls.Dial("tcp", a.apiAddr(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11})
	require.Error(t, err)
	writeCertificate(t, dir, 2)
	eventually(t, "the new certificate is served", func() bool {
		conn, err := tls.Dial("tcp", a.apiAddr(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 2
	})
}

func TestFaultsOfTheCertificateAreToldAtStart(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	writeCertificate(t, one, 1)
	writeCertificate(t, two, 2)
	cert, key, other := filepath.Join(one, "cert.pem"), filepath.Join(one, "key.pem"), filepath.Join(two, "key.pem")
	for _, c := range []struct{ cert, key, told string }{
		{cert, "", "CLIENTS_TLS_CERT: goes with CLIENTS_TLS_KEY"}, {"", key, "CLIENTS_TLS_KEY: goes with CLIENTS_TLS_CERT"},
		{cert, other, "CLIENTS_TLS_CERT: "}, {cert + "x", key, "CLIENTS_TLS_CERT: "}, {cert, key + "x", "CLIENTS_TLS_KEY: "}, {key, key, "CLIENTS_TLS_CERT: "},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		code, _, stderr := serveInProcess(t, dir, "--tls-cert", c.cert, "--tls-key", c.key)
		require.Equal(t, 2, code)
		require.Len(t, lines(stderr), 1)
		require.Contains(t, stderr, c.told)
		require.NoDirExists(t, dir)
	}
}
