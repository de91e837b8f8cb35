package metrics

import (
	"context"
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// storage shows how full the store is.
type storage struct {
	config      Config
	used, limit prometheus.Gauge
}

func newStorage(config Config) *storage {
	s := &storage{
		config: config,
		used: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clients_storage_used_bytes", Help: "Bytes that the streams of the NATS account use, on all of its servers together.",
		}),
		limit: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clients_storage_limit_bytes", Help: "Bytes that the streams of the NATS account may use, on all of its servers together; +Inf if unknown.",
		}),
	}
	s.limit.Set(math.Inf(1))
	config.Registry.MustRegister(s.used, s.limit)
	return s
}

// sample requests the storage of the account. Without a response the last values stay.
func (s *storage) sample(ctx context.Context) {
	storage, err := s.config.Store.Storage(ctx)
	if err != nil {
		return
	}
	if storage.Limit == 0 && s.config.Room != nil {
		storage.Limit = s.config.Room(storage.Used)
	}
	limit := math.Inf(1)
	if storage.Limit > 0 {
		limit = float64(storage.Limit)
	}
	s.used.Set(float64(storage.Used))
	s.limit.Set(limit)
}
