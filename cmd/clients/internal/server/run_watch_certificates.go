package server

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// How often the certificate of NATS is looked at, also after a failure.
const (
	certificateInterval = time.Hour
	certificateRetry    = time.Minute
)

// watchCertificates makes /metrics show when the certificates of the API and of NATS expire, until ctx ends. That of NATS is
// the one of a new connection: an open one may have begun before the certificate was renewed.
func (s *Server) watchCertificates(ctx context.Context) {
	var nats atomic.Pointer[time.Time]
	gauge := func(certificate string, expires func() *time.Time) {
		s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "clients_certificate_expiry_timestamp_seconds", Help: "When a certificate expires; +Inf if there is none.",
			ConstLabels: prometheus.Labels{"certificate": certificate},
		}, func() float64 {
			if at := expires(); at != nil {
				return float64(at.Unix())
			}
			return math.Inf(1)
		}))
	}
	gauge("nats", nats.Load)
	gauge("api", func() *time.Time {
		if s.config.Certificate == nil {
			return nil
		}
		at := s.config.Certificate.Expires()
		return &at
	})
	for s.embedded == nil && ctx.Err() == nil {
		pause := certificateInterval
		if expires, err := s.config.NATS.CertificateExpiry(ctx); err != nil {
			pause = certificateRetry
		} else if !expires.IsZero() {
			nats.Store(&expires)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
