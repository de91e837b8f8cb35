package e2e_test

import (
	"slices"
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

// With CLIENTS_LOG_FORMAT=json each line that the service writes is JSON, from the first to the last. A normal start has no
// warning, and one line says what is running and where.
func TestEachLineIsJSON(t *testing.T) {
	t.Parallel()
	first := start(t)
	id := first.create("SuprCorp")
	require.Zero(t, first.stop(t))
	s := launch(t, append(first.variables, "CLIENTS_LOG_LEVEL=info", "CLIENTS_LOG_FORMAT=json")...)
	var ready map[string]any
	eventually(t, func() bool {
		for line := range strings.Lines(s.stderr.String()) {
			if strings.Contains(line, `"msg":"ready"`) {
				ready = fields(t, line)
			}
		}
		return ready != nil
	}, "it becomes ready")
	for _, name := range []string{"version", "commit", "api", "operations", "nats", "data"} {
		require.NotEmpty(t, ready[name], name)
	}
	require.Equal(t, 200, newClient(t, ready["api"].(string)).do("GET", path(id), "").status)
	require.Equal(t, 200, newClient(t, ready["operations"].(string)).do("GET", "/readyz", "").status)
	second := launch(t, append(s.variables, "CLIENTS_HTTP_ADDR="+strings.TrimPrefix(ready["api"].(string), "http://"))...)
	require.Equal(t, 1, second.exitCode(t), "the port is in use")
	invalid := launch(t, append(s.variables, "CLIENTS_RATE_LIMIT=x", "CLIENTS_FEED_LIMIT=x")...)
	require.Equal(t, 2, invalid.exitCode(t))
	require.Zero(t, s.stop(t))
	for process, lines := range map[*service]int{s: 4, second: 1, invalid: 2} {
		require.Empty(t, process.stdout.String())
		require.GreaterOrEqual(t, len(linesOf(process.stderr.String())), lines)
		for line := range strings.Lines(process.stderr.String()) {
			entry := fields(t, line)
			require.NotEmpty(t, entry["msg"], line)
			require.Equal(t, process != s, entry["level"] == "ERROR", line)
			require.NotEqual(t, "WARN", entry["level"], line)
			require.NotContains(t, entry, "duration", "the name has to contain the unit")
		}
	}
	setup := run(t, []string{"CLIENTS_LOG_FORMAT=json", "CLIENTS_DATA_DIR=" + t.TempDir()}, "setup", "--stream-replicas", "x")
	require.Equal(t, 2, setup.code)
	require.Contains(t, fields(t, setup.stderr)["error"], "CLIENTS_STREAM_REPLICAS", "setup logs, too")
}

// CLIENTS_ACCESS_LOG selects the requests that are logged.
func TestTheAccessLogIsSelected(t *testing.T) {
	t.Parallel()
	for setting, logged := range map[string][]string{"": {"ok", "missing"}, "all": {"ok", "missing"}, "errors": {"missing"}, "off": nil} {
		s := start(t, "CLIENTS_LOG_LEVEL=info", "CLIENTS_LOG_FORMAT=text", "CLIENTS_ACCESS_LOG="+setting)
		s.want(200, "GET", "/clients", "", "X-Request-Id: ok")
		s.want(404, "GET", "/clients/7", "", "X-Request-Id: missing")
		require.Zero(t, s.stop(t))
		for _, request := range []string{"ok", "missing"} {
			require.Equal(t, slices.Contains(logged, request), s.stderr.contains("request_id="+request), "%s: %s", setting, request)
		}
		if len(logged) > 0 {
			require.Regexp(t, ` duration_ms=[0-9.]+ `, s.stderr.String())
		}
	}
}
