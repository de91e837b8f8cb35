package main

import (
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// Who asks about a service that does not run learns that, and not what a library says of it.
func TestHelpfulWordsWhereNoServiceRuns(t *testing.T) {
	t.Parallel()
	const nobody = "--nats-url=127.0.0.1:1"
	for _, command := range []string{"events", "export", "verify"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runInProcess(t, command, nobody)
			require.Equal(t, 1, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "no service runs there: no NATS server answers at nats://127.0.0.1:1")
			require.Equal(t, command == "verify", strings.Contains(stderr, "--data-dir looks through the store"), stderr)
			require.NotContains(t, stderr, "context")
		})
	}
}

func TestHelpfulWordsForALoginThatIsRefused(t *testing.T) {
	t.Parallel()
	guarded := natstest.Run(t, 1, func(o *server.Options) { o.Username, o.Password = "ann", "one" })
	code, _, stderr := runInProcess(t, "events", "--nats-url", guarded.URL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "refuses the login")
}

func TestHelpTellsWhatIsDoneWithoutNATSURL(t *testing.T) {
	t.Parallel()
	for command, without := range map[string]string{"serve": "an embedded server", "verify": "the embedded server of CLIENTS_DATA_DIR", "quarantine list": "the embedded server of --data-dir"} {
		code, help, _ := runInProcess(t, append(strings.Fields(command), "--help")...)
		require.Zero(t, code)
		require.Contains(t, strings.Join(strings.Fields(help), " "), "Empty: "+without+" ($CLIENTS_NATS_URL)")
	}
}
