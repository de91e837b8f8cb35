package reload

import (
	"crypto/tls"
	"os"
	"time"
)

// Certificate is the TLS certificate of the API: the last valid one in its files. It is safe for concurrent use.
type Certificate struct {
	kept *Kept[*tls.Certificate]
}

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
	if err != nil {
		return nil, err
	}
	return &Certificate{kept}, nil
}

// Reload reads the files, and reports whether the certificate has changed. It returns an error if they have changed and are
// invalid, once for each change. The previous certificate is kept then.
func (c *Certificate) Reload() (changed bool, err error) { return c.kept.Reload() }

// Stale reports whether the files have changed and are invalid.
func (c *Certificate) Stale() bool { return c.kept.Stale() }

// Expires returns when the certificate expires.
func (c *Certificate) Expires() time.Time { return c.kept.Get().Leaf.NotAfter }

// TLS returns the configuration of the API's listener: TLS 1.2 or later, with the certificate as it is at each handshake.
// HTTP/2 is off: it has header names in lower case, and old clients look for Location and Hint with respect to case.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.kept.Get(), nil },
	}
}
