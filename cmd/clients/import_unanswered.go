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
	"syscall"
	"time"
)

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
