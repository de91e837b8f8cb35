//go:build node

package e2e_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// partnerJS is a copy of testdata/partner in which .ci/run has installed the packages. node and nats are in PATH:
//
//	go test -tags node -run LibrariesOfPartners ./cmd/clients/internal/e2e -partner-js=DIR
var partnerJS = flag.String("partner-js", "", "folder of partner.js and node_modules")

// nats.js and the nats command work for every partner, with no option but where to log in.
func TestLibrariesOfPartners(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, *partnerJS, "-partner-js is missing")
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		s.create("SuprCorp")
		nodePartner(t, s.nats, "", "all")
		natsPartner(t, s.nats, "partner", "projects", "invoices")
	})
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("accounts on %d servers", n), func(t *testing.T) {
			t.Parallel()
			_, servers := startDeployed(t, n)
			url := servers.URL()
			for user, source := range map[string]string{"projects": "projects", "invoices": "invoices", "subscriber": ""} {
				nodePartner(t, url, user, source)
				natsPartner(t, as(user, url), user, strings.Fields(source)...)
			}
			nodePartner(t, url, "crm", "", "default") // a team that reads one account
		})
	}
}

func nodePartner(t *testing.T, url, user, source string, account ...string) {
	t.Helper()
	first, _, _ := strings.Cut(url, ",")
	out, err := external(t, "node", append([]string{*partnerJS + "/partner.js", first, user, source}, account...)...)
	require.NoError(t, err, "nats.js as %q: %s", user, out)
}

// natsPartner runs the nats command as a partner, whose durable consumer has a name and which publishes to sources.
func natsPartner(t *testing.T, url, name string, sources ...string) {
	t.Helper()
	nats := func(args ...string) (string, error) {
		return external(t, "nats", append([]string{"--server", url}, args...)...)
	}
	for _, command := range []string{
		"stream info CLIENTS",
		"subscribe --stream CLIENTS --all --count 1 clients.>",
		"consumer add CLIENTS " + name + " --pull --filter clients.> --ack explicit --deliver all --defaults",
		"consumer next CLIENTS " + name + " --ack",
		"consumer info CLIENTS " + name,
		"consumer rm -f CLIENTS " + name,
	} {
		out, err := nats(strings.Fields(command)...)
		for attempt := 0; err != nil && attempt < 5; attempt++ { // in a cluster a consumer is there a moment after it was created
			out, err = nats(strings.Fields(command)...)
		}
		require.NoError(t, err, "%s: nats %s: %s", name, command, out)
	}
	for _, source := range []string{"projects", "invoices"} {
		out, err := nats("publish", "--jetstream", source+".default.2", `{"id":2,"client_id":1}`)
		require.Equal(t, strings.Contains(strings.Join(sources, " "), source), err == nil, "%s publishes %s: %s", name, source, out)
	}
}
