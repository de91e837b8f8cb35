package transport

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what the API answers.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

// NewMetrics registers the API's metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_http_requests_total", Help: "API requests by route, method and status.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clients_http_request_duration_seconds", Help: "Time to the end of an API request's answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route", "method"}),
	}
	registry.MustRegister(m.requests, m.durations)
	return m
}

func (m *Metrics) observe(r resource, method string, status int, duration time.Duration) {
	if callsOf[r][method] == nil {
		method = "other" // callers must not be able to make new series
	}
	m.requests.WithLabelValues(string(r), method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(string(r), method).Observe(duration.Seconds())
}
