package kubernetes_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var certificateFolder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "certificates") })

// certificates returns a folder with the files of the Secret nats-tls, for the names that the component requires.
func certificates(t *testing.T) string {
	t.Helper()
	folder, err := certificateFolder()
	require.NoError(t, err)
	if _, err := os.Stat(folder + "/tls.key"); err != nil {
		writeCertificates(t, folder, 2)
	}
	return folder
}

func makeCertificates(t *testing.T, serial int64) string {
	t.Helper()
	folder := t.TempDir()
	writeCertificates(t, folder, serial)
	return folder
}

// writeCertificates writes a certificate with a serial number, signed by an authority of its own.
func writeCertificates(t *testing.T, folder string, serial int64) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"nats", "nats.clients.svc", "*.nats-cluster"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	authorityKey, leafKey := newKey(t), newKey(t)
	write(t, folder+"/ca.crt", "CERTIFICATE", signed(t, authority, authority, authorityKey, authorityKey))
	write(t, folder+"/tls.crt", "CERTIFICATE", signed(t, leaf, authority, leafKey, authorityKey))
	key, err := x509.MarshalPKCS8PrivateKey(leafKey)
	require.NoError(t, err)
	write(t, folder+"/tls.key", "PRIVATE KEY", key)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func signed(t *testing.T, certificate, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate, by, &key.PublicKey, byKey)
	require.NoError(t, err)
	return der
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}
