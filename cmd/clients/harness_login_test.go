package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// login is a user of an account with JetStream that an operator vouches for.
type login struct {
	file    string
	secrets []string
	demand  func(*server.Options)
}

func newLogin(t *testing.T) login {
	t.Helper()
	key := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		pair, err := create()
		require.NoError(t, err)
		public, err := pair.PublicKey()
		require.NoError(t, err)
		return pair, public
	}
	operator, operatorID := key(nkeys.CreateOperator)
	account, accountID := key(nkeys.CreateAccount)
	_, systemID := key(nkeys.CreateAccount)
	user, userID := key(nkeys.CreateUser)
	accounts := &server.MemAccResolver{}
	for _, id := range []string{accountID, systemID} {
		claims := jwt.NewAccountClaims(id)
		if id == accountID {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: jwt.NoLimit, MemoryStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
		}
		token, err := claims.Encode(operator)
		require.NoError(t, err)
		require.NoError(t, accounts.Store(id, token))
	}
	token, err := jwt.NewUserClaims(userID).Encode(account)
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	content, err := jwt.FormatUserConfig(token, seed)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "user.creds")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return login{file, []string{token, string(seed)}, func(o *server.Options) {
		o.TrustedOperators = []*jwt.OperatorClaims{jwt.NewOperatorClaims(operatorID)}
		o.AccountResolver, o.SystemAccount = accounts, systemID
	}}
}

// certificates are an authority of the test's own, and what it has signed for the service.
type certificates struct {
	ca, cert, key string
	demand        func(*server.Options)
}

func newCertificates(t *testing.T) certificates {
	t.Helper()
	dir := t.TempDir()
	authority := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	authorityKey := sign(t, dir, "ca", authority, nil, nil)
	for _, name := range []string{"server", "service"} {
		sign(t, dir, name, &x509.Certificate{
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}, authority, authorityKey)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return certificates{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "service.pem"), filepath.Join(dir, "service-key.pem"), func(o *server.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
		o.TLSTimeout = patience.Seconds()
	}}
}

// sign writes <name>.pem and <name>-key.pem, signed by an authority or by themselves.
func sign(t *testing.T, dir, name string, certificate, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	certificate.SerialNumber, certificate.Subject = big.NewInt(1), pkix.Name{CommonName: name}
	certificate.NotBefore, certificate.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if authority == nil {
		authority, authorityKey = certificate, key
	}
	signed, err := x509.CreateCertificate(rand.Reader, certificate, authority, key.Public(), authorityKey)
	require.NoError(t, err)
	*certificate = *parsed(t, signed)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: signed}, name + "-key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600))
	}
	return key
}

func parsed(t *testing.T, certificate []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(certificate)
	require.NoError(t, err)
	return c
}
