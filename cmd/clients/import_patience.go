package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// How long a service that does not answer, or puts off, is tried again; how long it is given for one answer, and for the
// list of all clients; and how often is told that it goes on.
const (
	importPatience = 2 * time.Minute
	importAnswer   = 30 * time.Second
	importList     = 10 * time.Minute
	importTold     = 15 * time.Second
)

// passingError is a failure that may heal by itself.
type passingError struct {
	reason string
	wait   time.Duration
}

func (e *passingError) Error() string { return e.reason }

// patiently tries as long as there are passing errors, but not for ever. Creating is tried with the same key.
func (s *importService) patiently(ctx context.Context, try func(context.Context) error) error {
	for deadline := time.Now().Add(importPatience); ; {
		err := try(ctx)
		var passing *passingError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			s.outage.over(s)
			return nil
		case !errors.As(err, &passing):
			return err
		case time.Now().Add(passing.wait).After(deadline):
			return fmt.Errorf("%s, for %s by now; %w", passing.reason, importPatience, errAgain)
		}
		s.outage.goesOn(s, passing)
		select {
		case <-time.After(passing.wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// outage is a time when the service does not answer. It is told of once, whoever notices.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero where there is none
	told  time.Time
	aloud bool // this one was told
}

func (o *outage) goesOn(s *importService, passing *passingError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.told) < importTold {
		return
	}
	o.told = now
	if o.aloud {
		s.tell(fmt.Sprintf("%s, for %s by now", passing.reason, now.Sub(o.since).Round(time.Second)))
		return
	}
	o.aloud = true
	s.tell(fmt.Sprintf("%s; it is asked again, for %s", passing.reason, importPatience))
}

func (o *outage) over(s *importService) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.aloud {
		s.tell("it goes on")
	}
	o.since, o.aloud = time.Time{}, false
}

// unanswered says in an operator's words why there is no answer: a *passingError, or what no waiting helps against.
func (s *importService) unanswered(ctx context.Context, err error) error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var name *net.DNSError
	var outer *url.Error
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("the certificate of %s is not accepted: %s", s.base, distrust(certificate.Err))
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return fmt.Errorf("%s does not speak https: name it with http in --url", s.base)
	case errors.As(err, &alert):
		return fmt.Errorf("%s ends the TLS handshake: %v", s.base, alert)
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("%s: there is no host %s", s.base, name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return &passingError{fmt.Sprintf("nobody listens at %s", s.base), time.Second}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &passingError{fmt.Sprintf("%s has broken off", s.base), time.Second}
	case ctx.Err() != nil:
		return &passingError{fmt.Sprintf("%s does not answer in time", s.base), time.Second}
	case errors.As(err, &outer):
		err = outer.Err
	}
	return &passingError{fmt.Sprintf("%s cannot be reached: %v", s.base, err), time.Second}
}

// distrust says why a certificate is not accepted.
func distrust(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "nobody knows here who has signed it; name its authority by --ca"
	case errors.As(err, &host):
		return "it is not for " + host.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired, or is not valid yet"
	}
	return err.Error()
}
