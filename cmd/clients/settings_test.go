package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// defaults are the settings of the contract, with what --help has to say of each.
var defaults = map[string]string{
	"CLIENTS_HTTP_ADDR":          "127.0.0.1:8080",
	"CLIENTS_OPS_ADDR":           "127.0.0.1:8081",
	"CLIENTS_NATS_URL":           "",
	"CLIENTS_NATS_CREDS":         "",
	"CLIENTS_NATS_CA":            "",
	"CLIENTS_NATS_CERT":          "",
	"CLIENTS_NATS_KEY":           "",
	"CLIENTS_DATA_DIR":           "./clients-data",
	"CLIENTS_EMBEDDED_NATS_ADDR": "127.0.0.1:4222",
	"CLIENTS_STREAM_REPLICAS":    "1 embedded, 3 external",
	"CLIENTS_CREDENTIALS_DIR":    "",
	"CLIENTS_TRUSTED_PROXIES":    "",
	"CLIENTS_DEFAULT_CURRENCY":   "United States Dollars - USD",
	"CLIENTS_READ_CONSISTENCY":   "strong",
	"CLIENTS_RATE_LIMIT":         "0",
	"CLIENTS_SCRUB_INTERVAL":     "24h",
	"CLIENTS_LOG_LEVEL":          "info",
	"CLIENTS_LOG_FORMAT":         "json",
	"CLIENTS_TLS_CERT":           "",
	"CLIENTS_TLS_KEY":            "",
	"CLIENTS_SHUTDOWN_DELAY":     "0",
}

func TestSettingsAreListedByHelp(t *testing.T) {
	t.Parallel()
	code, help, stderr := runInProcess(t, "serve", "--help")
	require.Zero(t, code)
	require.Empty(t, stderr)
	blanks := regexp.MustCompile(`\s+`)
	for variable, value := range defaults {
		require.Contains(t, help, "$"+variable)
		flag := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "CLIENTS_"), "_", "-"))
		_, entry, found := strings.Cut(help, flag)
		require.True(t, found, flag)
		entry, _, _ = strings.Cut(entry, "$"+variable)
		require.Contains(t, blanks.ReplaceAllString(entry, " "), value, "the default of %s", variable)
	}
	code, help, _ = runInProcess(t, "--help")
	require.Zero(t, code)
	require.Contains(t, help, "serve")
	require.Contains(t, help, "version")
}

// faulty are settings that cannot be, each with a value.
var faulty = map[string]string{
	"CLIENTS_HTTP_ADDR":          "somewhere",
	"CLIENTS_OPS_ADDR":           "nowhere",
	"CLIENTS_NATS_URL":           "nats://",
	"CLIENTS_NATS_CREDS":         "/nowhere/creds",
	"CLIENTS_NATS_CA":            "/nowhere/ca.pem",
	"CLIENTS_NATS_CERT":          "/nowhere/cert.pem",
	"CLIENTS_EMBEDDED_NATS_ADDR": "0.0.0.0:0",
	"CLIENTS_STREAM_REPLICAS":    "many",
	"CLIENTS_CREDENTIALS_DIR":    "/nowhere",
	"CLIENTS_TRUSTED_PROXIES":    "10.0.0.0/33",
	"CLIENTS_DEFAULT_CURRENCY":   " ",
	"CLIENTS_READ_CONSISTENCY":   "sometimes",
	"CLIENTS_RATE_LIMIT":         "-1",
	"CLIENTS_SCRUB_INTERVAL":     "daily",
	"CLIENTS_LOG_LEVEL":          "loud",
	"CLIENTS_LOG_FORMAT":         "yaml",
	"CLIENTS_TLS_CERT":           "/nowhere/cert.pem", // without its key
	"CLIENTS_SHUTDOWN_DELAY":     "soon",
}

func TestSettingsThatAreWrongAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	variables := []string{"CLIENTS_DATA_DIR=" + dir}
	for variable, value := range faulty {
		variables = append(variables, variable+"="+value)
	}
	p := execute(t, []string{"serve"}, variables...)
	require.Equal(t, 2, p.exitCode(t))
	require.Empty(t, p.stdout.String())
	told := lines(p.stderr.String())
	require.Len(t, told, len(faulty), "one line each: %s", &p.stderr)
	for variable := range faulty {
		require.Equal(t, 1, strings.Count(p.stderr.String(), variable), variable)
	}
	require.NoDirExists(t, dir, "nothing is touched")
}

func TestSettingsThatAreWrongOneByOne(t *testing.T) {
	t.Parallel()
	type setting struct{ variable, value string }
	var all []setting
	for variable, value := range faulty {
		all = append(all, setting{variable, value})
	}
	all = append(all,
		setting{"CLIENTS_HTTP_ADDR", "0.0.0.0:0"}, setting{"CLIENTS_HTTP_ADDR", "192.0.2.1:0"}, setting{"CLIENTS_HTTP_ADDR", ":0"}, setting{"CLIENTS_HTTP_ADDR", "[::]:0"},
		setting{"CLIENTS_HTTP_ADDR", "127.0.0.1"}, setting{"CLIENTS_HTTP_ADDR", "127.0.0.1:99999"}, setting{"CLIENTS_HTTP_ADDR", ""},
		setting{"CLIENTS_EMBEDDED_NATS_ADDR", ":4222"}, setting{"CLIENTS_DATA_DIR", ""}, setting{"CLIENTS_DATA_DIR", os.DevNull},
		setting{"CLIENTS_SHUTDOWN_DELAY", "-1s"}, setting{"CLIENTS_SHUTDOWN_DELAY", "26s"},
		setting{"CLIENTS_TLS_KEY", "/nowhere/key.pem"}, setting{"CLIENTS_RATE_LIMIT", "1.5"}, setting{"CLIENTS_RATE_LIMIT", "many"},
		setting{"CLIENTS_RATE_LIMIT", "4294967296"}, setting{"CLIENTS_CREDENTIALS_DIR", os.DevNull},
		setting{"CLIENTS_TRUSTED_PROXIES", "proxy"}, setting{"CLIENTS_TRUSTED_PROXIES", "10.0.0.0/8,10.1"}, setting{"CLIENTS_TRUSTED_PROXIES", "::ffff:10.0.0.0/104"},
		setting{"CLIENTS_STREAM_REPLICAS", "3"}, setting{"CLIENTS_STREAM_REPLICAS", "0"},
		setting{"CLIENTS_DEFAULT_CURRENCY", strings.Repeat("x", 256)}, setting{"CLIENTS_DEFAULT_CURRENCY", "\x01"},
	)
	for _, s := range all {
		dir := filepath.Join(t.TempDir(), "data")
		flag := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s.variable, "CLIENTS_"), "_", "-"))
		code, stdout, stderr := serveInProcess(t, dir, flag+"="+s.value)
		require.Equal(t, 2, code, "%s=%q: %s", s.variable, s.value, stderr)
		require.Len(t, lines(stderr), 1, stderr)
		require.Contains(t, stderr, s.variable)
		require.Empty(t, stdout)
		require.NoDirExists(t, dir)
	}
}

func TestSettingsComeFromTheEnvironmentAndFromFlags(t *testing.T) {
	t.Parallel()
	environment := []string{
		"CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0", "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0",
		"CLIENTS_DEFAULT_CURRENCY=Euro - EUR", "CLIENTS_LOG_FORMAT=text",
	}
	for _, c := range []struct {
		args     []string
		currency string
	}{
		{nil, "Euro - EUR"},
		{[]string{"serve"}, "Euro - EUR"},
		{[]string{"serve", "--default-currency", "Yen - JPY", "--data-dir=elsewhere"}, "Yen - JPY"},
		{[]string{"--default-currency=Yen - JPY"}, "Yen - JPY"},
	} {
		p := execute(t, c.args, environment...)
		p.awaitReady(t)
		require.Equal(t, c.currency, p.get(p.named("SuprCorp")).Currency)
		dir := "clients-data" // below where it was started
		if len(c.args) == 4 {
			dir = "elsewhere"
		}
		require.DirExists(t, filepath.Join(p.cmd.Dir, dir))
		eventually(t, "it is logged as text", func() bool { return strings.Contains(p.stderr.String(), "level=INFO") })
		p.kill()
	}
}

func TestCommandLineThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"destroy"}, {"serve", "now"}, {"--no-such-flag"}, {"serve", "--http-addr"}, {"version", "--data-dir=x"}} {
		code, stdout, stderr := runInProcess(t, args...)
		require.Equal(t, 2, code, args)
		require.NotEmpty(t, stderr)
		require.Empty(t, stdout)
	}
}

func TestVersionCommand(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := runInProcess(t, "version")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Regexp(t, `^clients \S+ \(commit \S+, go1\.\S+\)\n$`, stdout)
	code, flag, stderr := runInProcess(t, "--version")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Equal(t, stdout, flag)
	p := execute(t, []string{"version"})
	require.Zero(t, p.exitCode(t))
	require.Regexp(t, `^clients \S+ `, p.stdout.String())
}
