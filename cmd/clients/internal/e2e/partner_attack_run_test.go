package e2e_test

import (
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestAttackOnTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	require.Empty(t, attack(t, s.administrator(t).Conn(), anonymous(t, s.nats)))
	require.Equal(t, "SuprCorp", s.attributes(1)["name"])
	s.create("Once Ltd")
}

func anonymous(t *testing.T, url string) attacker {
	nc, _ := connect(t, url, silent)
	return attacker{name: "partner", nc: nc, consumer: "partner", filter: "clients.>", sources: []string{"projects", "invoices"}}
}

// silent is an option of connections with many permission errors.
func silent(o *nats.Options) error {
	o.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {}
	return nil
}

// The attack succeeds if one export is too wide, and if there are permissions instead of accounts.
func TestAttackSucceedsOnServersThatAreOpen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open     func(*server.Options)
		servers  int
		replicas string
	}{"an export of $JS.API.>": {widen, 1, "1"}, "permissions": {permit, 3, "3"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := natstest.Run(t, c.servers, c.open)
			url := strings.ReplaceAll(servers.URL(), "://", "://admin:secret@")
			s := startReplicas(t, 1, url, "CLIENTS_STREAM_REPLICAS="+c.replicas)[0]
			s.createOnce("SuprCorp")
			admin, _ := connect(t, url)
			require.NotEmpty(t, attack(t, admin, anonymous(t, servers.URL())))
		})
	}
}

// widen gives partners an account of their own, whose imports are too many.
func widen(o *server.Options) {
	configure(o, `
		accounts {
			STREAMS {
				jetstream: enabled
				users: [ { user: admin, password: secret } ]
				exports: [ { service: "$JS.API.>" }, { service: "$JS.ACK.>" }, { service: "projects.>" }, { service: "invoices.>" } ]
			}
			PARTNERS {
				users: [ { user: partner, password: "" } ]
				imports: [
					{ service: { account: STREAMS, subject: "$JS.API.>" } }, { service: { account: STREAMS, subject: "$JS.ACK.>" } }
					{ service: { account: STREAMS, subject: "projects.>" } }, { service: { account: STREAMS, subject: "invoices.>" } }
				]
			}
		}`)
}

// permit lets partners into the account of the streams, with few permissions.
func permit(o *server.Options) {
	configure(o, `
		accounts {
			STREAMS {
				jetstream: enabled
				users: [
					{ user: admin, password: secret }
					{ user: partner, password: "", permissions: {
						publish: [ "$JS.API.INFO", "$JS.API.DIRECT.GET.CLIENTS.clients.>", "$JS.API.CONSUMER.CREATE.CLIENTS.partner.clients.>", "projects.>", "invoices.>" ]
						subscribe: [ "_INBOX.>" ]
					} }
				]
			}
		}`)
}

func configure(o *server.Options, text string) {
	var parsed server.Options
	if err := parsed.ProcessConfigString(text); err != nil {
		panic(err)
	}
	o.Accounts, o.Users, o.NoAuthUser = parsed.Accounts, parsed.Users, "partner"
}
