package transport

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what the API answers.
type Metrics struct {
	requests    *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	logins      *prometheus.CounterVec
	rateLimited prometheus.Counter
}

// The ways in which a login can end. A password is verified for loginVerified and for loginRefused, and for no other.
const (
	loginMissing    = "missing"    // the request names no user
	loginRemembered = "remembered" // the password is right, and was so lately
	loginRepeated   = "repeated"   // the password is wrong, and was so lately
	loginShared     = "shared"     // another request with the same password was just being answered
	loginVerified   = "verified"   // the password is right
	loginRefused    = "refused"    // the password is wrong, or there is no such user
	loginThrottled  = "throttled"  // too many have failed
	loginBusy       = "busy"       // too many are under way
)

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
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_logins_total", Help: "Logins by how they ended; a password was verified for verified and for refused.",
		}, []string{"outcome"}),
		rateLimited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clients_rate_limited_total", Help: "API requests refused because their user had sent too many.",
		}),
	}
	registry.MustRegister(m.requests, m.durations, m.logins, m.rateLimited)
	for _, outcome := range []string{loginMissing, loginRemembered, loginRepeated, loginShared, loginVerified, loginRefused, loginThrottled, loginBusy} {
		m.logins.WithLabelValues(outcome)
	}
	return m
}

func (m *Metrics) observe(r resource, method string, status int, duration time.Duration) {
	if callsOf[r][method] == nil {
		method = "other" // callers must not be able to make new series
	}
	m.requests.WithLabelValues(string(r), method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(string(r), method).Observe(duration.Seconds())
}

func (m *Metrics) login(outcome string) { m.logins.WithLabelValues(outcome).Inc() }
