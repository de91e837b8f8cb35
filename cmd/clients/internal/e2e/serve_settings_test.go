package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each setting with its default, as --help shows it, and with a value that is wrong, if it can be wrong alone.
var settings = []struct{ variable, value, wrong string }{
	{"CLIENTS_HTTP_ADDR", "127.0.0.1:8080", "somewhere"},
	{"CLIENTS_OPS_ADDR", "127.0.0.1:8081", "nowhere"},
	{"CLIENTS_NATS_URL", "", "nats://"},
	{"CLIENTS_NATS_CREDS", "", "/nowhere/creds"},
	{"CLIENTS_NATS_CA", "", "/nowhere/ca.pem"},
	{"CLIENTS_NATS_CERT", "", "/nowhere/cert.pem"},
	{"CLIENTS_NATS_KEY", "", ""},
	{"CLIENTS_DATA_DIR", "./clients-data", ""},
	{"CLIENTS_EMBEDDED_NATS_ADDR", "127.0.0.1:4222", "0.0.0.0:0"},
	{"CLIENTS_STREAM_REPLICAS", "1 embedded, 3 external", "many"},
	{"CLIENTS_CREDENTIALS_DIR", "", "/nowhere"},
	{"CLIENTS_TRUSTED_PROXIES", "", "10.0.0.0/33"},
	{"CLIENTS_DEFAULT_CURRENCY", "United States Dollars - USD", " "},
	{"CLIENTS_READ_CONSISTENCY", "strong", "sometimes"},
	{"CLIENTS_RATE_LIMIT", "0", "-1"},
	{"CLIENTS_SCRUB_INTERVAL", "24h", "daily"},
	{"CLIENTS_LOG_LEVEL", "info", "loud"},
	{"CLIENTS_LOG_FORMAT", "json", "yaml"},
	{"CLIENTS_TLS_CERT", "", "/nowhere/cert.pem"}, // without its key
	{"CLIENTS_TLS_KEY", "", ""},
	{"CLIENTS_SHUTDOWN_DELAY", "0", "soon"},
}

// flagOf returns the flag of a variable.
func flagOf(variable string) string {
	return "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "CLIENTS_"), "_", "-"))
}

func TestSettingsAreListedByHelp(t *testing.T) {
	t.Parallel()
	help := run(t, nil, "serve", "--help")
	require.Zero(t, help.code)
	require.Empty(t, help.stderr)
	blanks := regexp.MustCompile(`\s+`)
	for _, s := range settings {
		_, entry, found := strings.Cut(help.stdout, flagOf(s.variable))
		require.True(t, found, s.variable)
		entry, _, found = strings.Cut(entry, "$"+s.variable)
		require.True(t, found, s.variable)
		require.Contains(t, blanks.ReplaceAllString(entry, " "), s.value, "the default of %s", s.variable)
	}
}

// Every fault is reported at once, each in one line that names the setting.
func TestEachInvalidSettingIsReported(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	var all []string
	for _, s := range settings {
		if s.wrong != "" {
			all = append(all, s.variable+"="+s.wrong)
		}
	}
	for name, variables := range map[string][]string{
		"all": all,
		"more": {
			"CLIENTS_EMBEDDED_NATS_ADDR=:4222", "CLIENTS_SHUTDOWN_DELAY=-1s", "CLIENTS_TLS_KEY=/nowhere/key.pem",
			"CLIENTS_RATE_LIMIT=1.5", "CLIENTS_CREDENTIALS_DIR=" + os.DevNull, "CLIENTS_TRUSTED_PROXIES=proxy", "CLIENTS_STREAM_REPLICAS=3", "CLIENTS_DEFAULT_CURRENCY=" + long,
		},
		"and more": {
			"CLIENTS_HTTP_ADDR=0.0.0.0:0", "CLIENTS_SHUTDOWN_DELAY=26s", "CLIENTS_RATE_LIMIT=many", "CLIENTS_TRUSTED_PROXIES=10.0.0.0/8,10.1",
			"CLIENTS_STREAM_REPLICAS=0", "CLIENTS_DEFAULT_CURRENCY=\x01",
		},
		"and yet more":       {"CLIENTS_HTTP_ADDR=192.0.2.1:0", "CLIENTS_RATE_LIMIT=4294967296", "CLIENTS_TRUSTED_PROXIES=::ffff:10.0.0.0/104"},
		"no host":            {"CLIENTS_HTTP_ADDR=:0"},
		"IPv6":               {"CLIENTS_HTTP_ADDR=[::]:0", "CLIENTS_DATA_DIR=" + os.DevNull},
		"no port":            {"CLIENTS_HTTP_ADDR=127.0.0.1"},
		"a port too high":    {"CLIENTS_HTTP_ADDR=127.0.0.1:99999"},
		"replicas of others": {"CLIENTS_NATS_URL=nats://127.0.0.1:1", "CLIENTS_STREAM_REPLICAS=2"},
	} {
		var faults []string
		for _, variable := range variables {
			faults = append(faults, variable[:strings.Index(variable, "=")]+": ")
		}
		if name == "replicas of others" {
			faults = faults[1:]
		}
		requireFaults(t, faults, variables...)
	}
}

func TestSettingsComeFromTheEnvironmentAndFromFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args     []string
		dir      string // below the working directory
		currency string
	}{
		{nil, "clients-data", "Euro - EUR"},
		{[]string{"serve", "--default-currency", "Yen - JPY", "--data-dir=elsewhere"}, "elsewhere", "Yen - JPY"},
		{[]string{"--default-currency=Yen - JPY"}, "clients-data", "Yen - JPY"},
	} {
		s := prepare(binary, t.TempDir(), []string{"CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_DEFAULT_CURRENCY=Euro - EUR", "CLIENTS_LOG_LEVEL=info"})
		s.cmd.Args, s.cmd.Dir = append([]string{binary}, c.args...), t.TempDir()
		require.NoError(t, s.begin())
		t.Cleanup(s.kill)
		s.awaitReady(t)
		require.Equal(t, c.currency, s.get(s.create("SuprCorp")).Currency)
		require.DirExists(t, filepath.Join(s.cmd.Dir, c.dir))
		eventually(t, func() bool { return s.stderr.contains("level=INFO") }, "it is logged as text")
		require.True(t, s.stdout.contains("curl"))
		require.True(t, s.stdout.contains(s.nats))
		s.kill()
	}
}

func TestInvalidCommandLinesAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"destroy"}, {"serve", "now"}, {"--no-such-flag"}, {"serve", "--http-addr"}, {"version", "--data-dir=x"}} {
		r := run(t, nil, args...)
		require.Equal(t, 2, r.code, args)
		require.NotEmpty(t, r.stderr)
		require.Empty(t, r.stdout)
	}
	for _, variable := range []string{"CLIENTS_HTTP_ADDR", "CLIENTS_DATA_DIR"} {
		r := run(t, nil, "serve", flagOf(variable)+"=")
		require.Equal(t, 2, r.code)
		require.Len(t, linesOf(r.stderr), 1)
		require.Contains(t, r.stderr, variable+": ")
	}
	help := run(t, nil, "--help")
	require.Zero(t, help.code)
	require.Regexp(t, `(?s)serve.*version`, help.stdout)
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"version", "--version"} {
		r := run(t, nil, args)
		require.Zero(t, r.code)
		require.Empty(t, r.stderr)
		require.Regexp(t, `^clients \S+ \(commit \S+, go1\.\S+\)\n$`, r.stdout)
	}
}

func TestAPortInUseIsNamedWithItsSetting(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"CLIENTS_HTTP_ADDR", "CLIENTS_OPS_ADDR", "CLIENTS_EMBEDDED_NATS_ADDR"} {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		dir := filepath.Join(t.TempDir(), "data")
		refusal := refusedStart(t, dir, variable+"="+taken.Addr().String())
		require.Contains(t, refusal, variable)
		require.Contains(t, refusal, taken.Addr().String())
		require.Contains(t, refusal, "address already in use")
		require.NoDirExists(t, dir)
	}
}

func TestADataDirectoryThatIsAFileIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	for dir, code := range map[string]int{file: 2, filepath.Join(file, "data"): 1} {
		r := run(t, []string{"CLIENTS_DATA_DIR=" + dir, "CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0", "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0"}, "serve")
		require.Equal(t, code, r.code, dir)
		require.Contains(t, r.stderr, file)
		require.Empty(t, r.stdout)
	}
}
