package reload

import (
	"crypto/tls"
	"os"
	"time"
)

// Certificate is the TLS certificate of the API: the last valid one in its files. It is safe for concurrent use.
type Certificate struct{ *Kept[*tls.Certificate] }

// OpenCertificate reads a certificate chain and its key, both PEM. It returns an error if one of them cannot be read or they
// do not belong together.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	kept, err := Open(
		func() (content Content, err error) {
			content = make(Content)
			for _, file := range []string{certFile, keyFile} {
				if content[file], err = os.ReadFile(file); err != nil {
					return nil, err
				}
			}
			return content, nil
		},
		func(content Content) (*tls.Certificate, error) {
			pair, err := tls.X509KeyPair(content[certFile], content[keyFile])
			return &pair, err
		}, nil)
	return &Certificate{kept}, err
}

// Expires returns when the certificate expires.
func (c *Certificate) Expires() time.Time { return c.Get().Leaf.NotAfter }

// TLS returns the configuration of the API's listener: TLS 1.2 or later, with the certificate as it is at each handshake.
// HTTP/2 is off: it has header names in lower case, and old clients look for Location and Hint with respect to case.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1", "http/1.0"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.Get(), nil },
	}
}
