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
	api := func() time.Time { return time.Time{} }
	if s.config.Certificate != nil {
		api = s.config.Certificate.Expires
	}
	var nats atomic.Pointer[time.Time]
	nats.Store(new(time.Time))
	gauge := func(certificate string, expires func() time.Time) {
		s.gauge("clients_certificate_expiry_timestamp_seconds", "When a certificate expires; +Inf if there is none.",
			prometheus.Labels{"certificate": certificate}, func() float64 {
				if at := expires(); !at.IsZero() {
					return float64(at.Unix())
				}
				return math.Inf(1)
			})
	}
	gauge("nats", func() time.Time { return *nats.Load() })
	gauge("api", api)
	if s.config.NATS.URL == "" {
		return
	}
	s.every(certificateInterval, func(context.Context) {
		if expires, err := s.config.NATS.CertificateExpiry(); err == nil {
			nats.Store(&expires)
		}
	})
}
