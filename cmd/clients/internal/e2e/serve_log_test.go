package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestsAreLoggedWithoutTheirBodies(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_LOG_LEVEL=info", "CLIENTS_LOG_FORMAT=")
	s.want(201, "POST", "/clients", "<client><name>Confidential</name></client>", asXML, "X-Request-Id: find-me")
	eventually(t, func() bool { return s.stderr.contains(`"request_id":"find-me"`) }, "the request is logged")
	s.kill()
	require.NotContains(t, s.stderr.String(), "Confidential")
	for line := range strings.Lines(s.stderr.String()) {
		require.NotEmpty(t, fields(t, line)["msg"], "JSON where it is no terminal")
	}
}
