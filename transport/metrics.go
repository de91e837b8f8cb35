package transport

import (
	"net/http"
	"strconv"
	"time"

	"clients/transport/auth"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts requests and responses.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	outcomes  *prometheus.CounterVec
	feeds     prometheus.Gauge
	slowFeeds prometheus.Counter
	auth      *auth.Metrics
}

// outcome classifies a request. Alerts use the share of outcomeFailed among outcomeFailed and outcomeDone: callers can cause
// any number of the other two.
type outcome string

const (
	outcomeDone    outcome = "done"     // it was carried out
	outcomeRefused outcome = "refused"  // the caller has to send another one: 4xx
	outcomeHeldOff outcome = "held_off" // by the rate limit, the throttle of logins or the memory limit: 503
	outcomeFailed  outcome = "failed"   // by the service's own fault: any other 5xx
)

func outcomeOf(status int, heldOff bool) outcome {
	switch {
	case heldOff:
		return outcomeHeldOff
	case status >= http.StatusInternalServerError:
		return outcomeFailed
	case status >= http.StatusBadRequest:
		return outcomeRefused
	}
	return outcomeDone
}

// NewMetrics registers the API's metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_http_requests_total", Help: "API requests by route, method and status.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clients_http_request_duration_seconds", Help: "Time to the end of an API request's response.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route", "method"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_http_outcomes_total", Help: "API requests by outcome; held_off are those beyond the rate limit, the throttle of logins or the memory limit.",
		}, []string{"outcome"}),
		feeds: prometheus.NewGauge(prometheus.GaugeOpts{Name: "clients_feeds", Help: "Open feeds."}),
		slowFeeds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clients_feeds_too_slow_total", Help: "Feeds that were ended because their readers did not keep up.",
		}),
		auth: auth.NewMetrics(registry),
	}
	registry.MustRegister(m.requests, m.durations, m.outcomes, m.feeds, m.slowFeeds)
	for _, o := range []outcome{outcomeDone, outcomeRefused, outcomeHeldOff, outcomeFailed} {
		m.outcomes.WithLabelValues(string(o))
	}
	return m
}

func (m *Metrics) observe(r resource, method string, status int, heldOff bool, duration time.Duration) {
	m.outcomes.WithLabelValues(string(outcomeOf(status, heldOff))).Inc()
	if callsOf[r][method] == nil {
		method = "other" // callers must not be able to make new series
	}
	m.requests.WithLabelValues(string(r), method, strconv.Itoa(status)).Inc()
	if r != clientFeed || status != http.StatusOK { // it lasts as long as its reader likes
		m.durations.WithLabelValues(string(r), method).Observe(duration.Seconds())
	}
}
