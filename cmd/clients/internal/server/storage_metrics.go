package server

import (
	"context"
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// storageMetrics show how full the store is.
type storageMetrics struct {
	server      *Server
	used, limit prometheus.Gauge
}

func (s *Server) newStorageMetrics() *storageMetrics {
	m := &storageMetrics{
		server: s,
		used: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clients_storage_used_bytes", Help: "Bytes that the streams of the NATS account take, on all of its servers together.",
		}),
		limit: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clients_storage_limit_bytes", Help: "Bytes that the streams of the NATS account may take, on all of its servers together; +Inf where nobody tells.",
		}),
	}
	m.limit.Set(math.Inf(1))
	s.registry.MustRegister(m.used, m.limit)
	return m
}

// sample asks how full it is. What was answered last is shown on.
func (m *storageMetrics) sample(ctx context.Context) {
	storage, err := m.server.store.Storage(ctx)
	if err != nil {
		return
	}
	if storage.Limit == 0 && m.server.embedded != nil {
		storage.Limit = m.server.embedded.Room(storage.Used)
	}
	limit := math.Inf(1)
	if storage.Limit > 0 {
		limit = float64(storage.Limit)
	}
	m.used.Set(float64(storage.Used))
	m.limit.Set(limit)
}
