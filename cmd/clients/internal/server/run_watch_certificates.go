package server

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// certificateInterval is how often the certificate of NATS is looked at.
const certificateInterval = 10 * time.Minute

// watchCertificates makes /metrics show when the certificates of the API and of NATS expire. That of NATS is the one of a new
// connection: an open one may have begun before the certificate was renewed.
func watchCertificates(s *Server) {
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
	if s.config.NATS.URL == "" {
		return
	}
	s.every(certificateInterval, func(context.Context) {
		if expires, err := s.config.NATS.CertificateExpiry(); err == nil && !expires.IsZero() {
			nats.Store(&expires)
		}
	})
}
