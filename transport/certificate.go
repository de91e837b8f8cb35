package transport

import (
	"crypto/tls"
	"os"

	"clients/transport/reload"
)

// Certificate is what the API shows to its callers: the last good one of its files. It is safe for concurrent use.
type Certificate struct {
	kept *reload.Kept[*tls.Certificate]
}

// OpenCertificate reads a certificate, with those that vouch for it behind it, and its key, both PEM. It answers what is
// wrong when one of them cannot be read or they do not belong together.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	kept, err := reload.Open(
		func() (content reload.Content, err error) {
			content = make(reload.Content)
			for _, file := range []string{certFile, keyFile} {
				if content[file], err = os.ReadFile(file); err != nil {
					return nil, err
				}
			}
			return content, nil
		},
		func(content reload.Content) (*tls.Certificate, error) {
			pair, err := tls.X509KeyPair(content[certFile], content[keyFile])
			return &pair, err
		}, nil)
	if err != nil {
		return nil, err
	}
	return &Certificate{kept}, nil
}

// Reload looks at the files, and reports whether there is another certificate now. It answers what is wrong with files
// that have changed and cannot be used, once for each change; the certificate then stays what it was.
func (c *Certificate) Reload() (changed bool, err error) { return c.kept.Reload() }

// Stale reports whether the files have changed into something that cannot be used.
func (c *Certificate) Stale() bool { return c.kept.Stale() }

// TLS is how the API speaks TLS: 1.2 or later, with the certificate as it is at each handshake, and HTTP/1.1 alone, for
// callers of old look for the headers Location and Hint as they are spelled, and HTTP/2 spells them in lower case.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.kept.Get(), nil },
	}
}
