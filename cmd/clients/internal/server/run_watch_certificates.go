package server

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"clients/cmd/clients/internal/config"

	"github.com/prometheus/client_golang/prometheus"
)

// certificateInterval is how often the certificate of NATS is looked at.
const certificateInterval = 10 * time.Minute

// watchCertificates makes /metrics show when the certificates of the API and of NATS expire, until ctx ends. That of NATS is
// the one of a new connection: an open one may have begun before the certificate was renewed.
func watchCertificates(ctx context.Context, config config.Config, registry *prometheus.Registry) {
	var nats atomic.Pointer[time.Time]
	gauge := func(certificate string, expires func() *time.Time) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
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
		if config.Certificate == nil {
			return nil
		}
		at := config.Certificate.Expires()
		return &at
	})
	for config.NATS.URL != "" && ctx.Err() == nil {
		if expires, err := config.NATS.CertificateExpiry(); err == nil && !expires.IsZero() {
			nats.Store(&expires)
		}
		select {
		case <-time.After(certificateInterval):
		case <-ctx.Done():
		}
	}
}
