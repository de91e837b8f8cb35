package config

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"clients/transport/credentials"
	"clients/transport/reload"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
)

// readable reports whether a file can be read.
func (f *Faults) readable(variable, path string) bool {
	_, err := os.ReadFile(path)
	if err != nil {
		f.Add(variable, "%v", err)
	}
	return err == nil
}

// pair reports whether a certificate and its key are both set and readable. Both may be empty.
func (f *Faults) pair(certVariable, cert, keyVariable, key string) bool {
	certRead := cert != "" && f.readable(certVariable, cert)
	keyRead := key != "" && f.readable(keyVariable, key)
	switch {
	case certRead && key == "":
		f.Add(certVariable, "requires %s", keyVariable)
	case keyRead && cert == "":
		f.Add(keyVariable, "requires %s", certVariable)
	}
	return certRead && keyRead
}

// certificate reads the certificate of the API, if there is one.
func (f *Faults) certificate(cert, key string) *reload.Certificate {
	if !f.pair("CLIENTS_TLS_CERT", cert, "CLIENTS_TLS_KEY", key) {
		return nil
	}
	certificate, err := reload.OpenCertificate(cert, key)
	if err != nil {
		f.Add("CLIENTS_TLS_CERT", "with CLIENTS_TLS_KEY: %v", err)
	}
	return certificate
}

// Authorities reads a file of certificate authorities.
func (f *Faults) Authorities(variable, path string) *x509.CertPool {
	content, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	switch {
	case err != nil:
		f.Add(variable, "%v", err)
	case !pool.AppendCertsFromPEM(content):
		f.Add(variable, "no certificate in %s", path)
	}
	return pool
}

// credentials reads the users of a folder, if there is one.
func (f *Faults) credentials(variable, dir string) *credentials.Folder {
	if dir == "" {
		return nil
	}
	folder, err := credentials.Open(dir)
	if err != nil {
		for fault := range strings.SplitSeq(err.Error(), "\n") {
			f.Add(variable, "%s", fault)
		}
	}
	return folder
}

// natsOption checks that an option can read its files, which it does again at each connection.
func (f *Faults) natsOption(variable string, option nats.Option) {
	var o nats.Options
	err := option(&o)
	if err == nil && o.UserJWT != nil {
		err = checkUser(o.UserJWT())
	}
	if err == nil && o.SignatureCB != nil {
		_, err = o.SignatureCB([]byte("a challenge"))
	}
	if err != nil {
		f.Add(variable, "%v", err)
	}
}

// checkUser returns an error that does not quote the token.
func checkUser(token string, err error) error {
	if err != nil {
		return err
	}
	if _, err := jwt.DecodeUserClaims(token); err != nil {
		return errors.New("no JWT of a user in the file")
	}
	return nil
}
