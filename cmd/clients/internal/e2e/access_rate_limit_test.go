package e2e_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheRateLimitOfAUser(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:one", "bob:two"), "CLIENTS_RATE_LIMIT=5")
	ann, bob := s.as("ann:one"), s.as("bob:two")
	for _, p := range []string{"/clients", "/clients/999999", "/nowhere", "/clients.json", "/clients?updated_since=x"} {
		require.NotEqual(t, 503, ann.do("GET", p, "").status, p)
	}
	for _, format := range []string{acceptXML, acceptJSON} {
		for _, method := range []string{"GET", "POST", "BREW"} {
			r := ann.want(503, method, "/clients", suprCorp, asXML, format)
			require.Contains(t, r.message(t), "5 requests within 15 seconds")
			wait, err := strconv.Atoi(r.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, 16)
		}
	}
	s.as("ann:wrong").want(401, "GET", "/clients", "")
	require.Empty(t, bob.list(""), "others are not limited, and nothing was stored")
	require.Equal(t, 6.0, s.metric("clients_rate_limited_total"))
	require.Equal(t, 2.0, s.metric("clients_http_requests_total", `method="GET"`, `route="/clients"`, `status="503"`))
	require.Equal(t, 6.0, s.metric("clients_http_outcomes_total", `outcome="held_off"`))
	require.Zero(t, s.metric("clients_http_outcomes_total", `outcome="failed"`), "it is no reason for an alert")
	require.False(t, s.stderr.contains("level=ERROR"))
}
