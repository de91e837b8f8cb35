package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the fault of a setting, the output, which is the log of a container, contains no secret.
func TestReportsOfInvalidSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	const (
		seed = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4"
		jwt  = "eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJ4In0.c2VjcmV0"
		hash = "anna:$2y$04$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01"
		pem  = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"
	)
	for _, c := range []struct {
		variable string
		args     []string
		secrets  []string
	}{
		{"CLIENTS_NATS_URL=nats://user:secret@nats:x", nil, []string{"secret"}},
		{"CLIENTS_NATS_URL=http://user:secret@nats", nil, []string{"secret"}},
		{"CLIENTS_NATS_URL=nats://user:1234,secret@nats", nil, []string{"1234", "secret"}}, // a password with a comma
		{"CLIENTS_NATS_URL=nats://secret,rest@nats", nil, []string{"secret"}},              // a token with a comma
		{"CLIENTS_NATS_URL=nats://user:se/cret@nats:1/secret", nil, []string{"cret"}},
		{"CLIENTS_HTTP_ADDR=nats://user:secret@nats", nil, []string{"secret"}},
		{"CLIENTS_ALLOWED_HOSTS=https://user:secret@nats", nil, []string{"secret"}},
		{"CLIENTS_TLS_CERT=x", []string{"--tls-key=" + pem}, []string{"c2VjcmV0"}},
		{"CLIENTS_NATS_URL=nats://nats", []string{"--nats-creds=" + pem}, []string{"c2VjcmV0"}},
		{"CLIENTS_NATS_URL=nats://nats", []string{"--nats-creds=" + jwt}, []string{jwt}},
		{"CLIENTS_NATS_URL=nats://nats", []string{"--nats-key=" + seed, "--nats-cert=x"}, []string{seed}},
		{"CLIENTS_CREDENTIALS_DIR=" + hash, nil, []string{"abcdefghijklmnop"}},
		{"CLIENTS_RATE_LIMIT=x", []string{"--log-format", "https://user:secret@host"}, []string{"secret"}},
		{"", []string{"nats://user:se/cret@nats"}, []string{"cret"}},
		{"", []string{"--nats-ur=nats://user:secret@nats"}, []string{"secret"}},
	} {
		variables := []string{}
		if c.variable != "" {
			variables = append(variables, c.variable)
		}
		r := run(t, variables, append([]string{"serve"}, c.args...)...)
		require.Equal(t, 2, r.code, "%+v: %s", c, r.stderr)
		for _, secret := range c.secrets {
			require.NotContains(t, r.stdout+r.stderr, secret, "%+v", c)
		}
	}
}

func TestNoSecretOfARunningServiceIsShown(t *testing.T) {
	t.Parallel()
	variables := []string{"CLIENTS_NATS_URL=nats://user:secret@127.0.0.1:1,nats://secret@127.0.0.1:1", "CLIENTS_IMPORT_LOGIN=user:secret", "OTEL_EXPORTER_OTLP_HEADERS=key=secret"}
	for _, args := range [][]string{{"serve", "--help"}, {"import", "--help"}, {"--help"}, {"verify"}} {
		r := run(t, variables, args...)
		require.NotContains(t, r.stdout+r.stderr, "secret", args)
	}
	dir := t.TempDir()
	s := launch(t, append(variables, "CLIENTS_LOG_LEVEL=debug", "CLIENTS_DATA_DIR="+filepath.Join(dir, "data"))...)
	eventually(t, func() bool { return strings.Count(s.stderr.String(), "waiting for NATS") > 1 }, "the service tries to connect")
	require.NotContains(t, s.stdout.String()+s.stderr.String(), "secret")
	require.NoFileExists(t, filepath.Join(dir, "data"))
}
