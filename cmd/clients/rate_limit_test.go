package main

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func limited(n int) func(*settings) { return func(s *settings) { s.rateLimit = n } }

func TestTheRateLimitOfAUser(t *testing.T) {
	t.Parallel()
	a := launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one") + user(t, "bob:two")}), limited(5))
	ann, bob := a.as("ann:one"), a.as("bob:two")
	for _, call := range []string{"/clients", "/clients/999999", "/nowhere", "/clients.json", "/clients?updated_since=x"} {
		require.NotEqual(t, 503, ann.do("GET", call, "").status, call)
	}
	for _, format := range []string{acceptXML, acceptJSON} {
		for _, method := range []string{"GET", "POST", "BREW"} {
			got := ann.want(503, method, "/clients", newClient, asXML, format)
			require.Contains(t, got.message(t), "5 requests within 15 seconds")
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, 16)
		}
	}
	a.as("ann:wrong").want(401, "GET", "/clients", "")
	require.Empty(t, bob.list(""), "others are not concerned, and nothing was stored")
	metrics := a.ops("/metrics").body
	require.Contains(t, metrics, "clients_rate_limited_total 6\n")
	require.Contains(t, metrics, `clients_http_requests_total{method="GET",route="/clients",status="503"} 2`+"\n")
	require.Contains(t, metrics, `clients_http_outcomes_total{outcome="held_off"} 6`+"\n")
	require.Contains(t, metrics, `clients_http_outcomes_total{outcome="failed"} 0`+"\n", "who asks too often makes no alert")
	require.NotContains(t, a.logged.String(), "level=ERROR")
}

func TestTheRateLimitWithoutLogins(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	limited(2)(&settings)
	a := launchWith(t, settings)
	a.want(200, "GET", "/clients", "")
	a.as("ann:one").want(200, "GET", "/clients", "")
	require.NotEmpty(t, a.as("bob:two").want(503, "GET", "/clients", "").header.Get("Retry-After"), "whoever one says to be")
	require.Equal(t, 200, a.ops("/readyz").status)
}
