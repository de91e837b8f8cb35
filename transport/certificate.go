package transport

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate with its key, from files that may be replaced while the service runs.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu        sync.Mutex
	current   *tls.Certificate
	cert, key []byte // as they were read last
	looked    time.Time
}

// certificateEvery is how often the files are looked at, at most.
const certificateEvery = time.Second

// NewCertificate reads the files, which have to be a pair.
func NewCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.read()
}

func (c *Certificate) read() error {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return err
	}
	if c.current != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.cert, c.key = &pair, cert, key
	return nil
}

// get answers the certificate as the files have it now. While they are no pair, as in the middle of a change, it stays
// the one that it was.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= certificateEvery {
		c.looked = time.Now()
		if err := c.read(); err != nil {
			c.log.Error("the certificate stays as it was", "error", err)
		}
	}
	return c.current, nil
}

// Listen serves TLS on a listener. It speaks HTTP/1.1 alone: HTTP/2 has the names of headers in lower case, which some
// old clients do not know.
func (c *Certificate) Listen(listener net.Listener) net.Listener {
	return tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get})
}
