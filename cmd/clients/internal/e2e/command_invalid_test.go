package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInvalidUsesOfSubcommandsAreRefused(t *testing.T) {
	t.Parallel()
	for args, code := range map[string]int{
		"quarantine retry": 2, "quarantine drop": 2, "quarantine drop --all 1": 2, "quarantine show": 2, "quarantine show x": 2,
		"quarantine show 0x1": 2, "quarantine drop 1_0": 2, "erase 0x1 --account default": 2, "skip 0o7 --reason x": 2, "backup none --keep 1e1": 2,
		"quarantine list --nats-url ://": 2, "quarantine list --nats-url 127.0.0.1:1": 1,
		"events --account Shop/1 --client=-1 --last=-1": 2, "events --account=": 2, "events --client=0": 2, "events --last 18446744073709551615": 2, "events --nats-url 127.0.0.1:1": 1,
		"backup none --keep 18446744073709551615": 2, "export --nats-url 127.0.0.1:1": 1, "verify --nats-url ://": 2, "verify --nats-url 127.0.0.1:1 --data-dir x": 2,
		"verify --repair": 2, "verify --nats-url 127.0.0.1:1": 1, "verify --data-dir none": 1,
		"import - --url ftp://x --login ann --callers 0 --ca /dev/null": 2, "import list --url http://x/?a=b": 2,
		"import list --url 127.0.0.1:8080": 2, "import list --url http://": 2, "import list --url http://ann:secret@x": 2,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			r := run(t, nil, strings.Fields(args)...)
			require.Equal(t, code, r.code, r.stderr)
			require.Empty(t, r.stdout)
			require.NotEmpty(t, r.stderr)
			require.NotContains(t, r.stderr, "secret")
			require.NotContains(t, r.stderr, "context")
		})
	}
}

func TestSetupOfTeamsRefusesSources(t *testing.T) {
	t.Parallel()
	r := run(t, nil, "setup", "--teams", testTeams(t), "--sources")
	require.Equal(t, 2, r.code)
	require.Empty(t, r.stdout)
	require.Contains(t, r.stderr, "--sources and --teams can't be used together")
}
