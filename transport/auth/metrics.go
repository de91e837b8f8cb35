package auth

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts logins and requests beyond the rate limit.
type Metrics struct {
	logins      *prometheus.CounterVec
	rateLimited prometheus.Counter
}

// The outcomes of a login. A password is verified for loginVerified and loginRefused only.
const (
	loginMissing    = "missing"    // the request has no user, or a password that no user can have
	loginRemembered = "remembered" // right, as checked a short time ago
	loginRepeated   = "repeated"   // wrong, as checked a short time ago
	loginShared     = "shared"     // another request with the same password was checked meanwhile
	loginVerified   = "verified"   // right
	loginRefused    = "refused"    // wrong, or there is no such user
	loginThrottled  = "throttled"  // too many have failed
	loginBusy       = "busy"       // too many are under way
)

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_logins_total", Help: "Logins by outcome; a password was verified for verified and refused.",
		}, []string{"outcome"}),
		rateLimited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clients_rate_limited_total", Help: "API requests refused by the rate limit of their user.",
		}),
	}
	registry.MustRegister(m.logins, m.rateLimited)
	for _, outcome := range []string{loginMissing, loginRemembered, loginRepeated, loginShared, loginVerified, loginRefused, loginThrottled, loginBusy} {
		m.logins.WithLabelValues(outcome)
	}
	return m
}

func (m *Metrics) login(outcome string) { m.logins.WithLabelValues(outcome).Inc() }
