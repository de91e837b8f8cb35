package teams

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"clients/eventstore/partners"
)

const head = `# Written by clients setup --teams: change the file of the teams instead. accounts.conf includes it.

# What the account of the streams exports, each with the accounts that may import it. CONSUMER.CREATE, CONSUMER.DELETE and
# STREAM.INFO are not among it. The service serves these requests at clients-partners.<team>, because a consumer could deliver
# to any subject of that account, belongs to one team, and stream information contains the subjects of others.
TEAM_EXPORTS: [
`

const passwords = `
# This account has no users. It makes the server refuse to start with an empty password, which is no valid subject.
TEAM_PASSWORDS { default_permissions { publish { deny: [ %s ] } } }
`

// A team's account. The limits keep it from exhausting the server; subscriptions are counted for each connection.
const account = `
%q {
  limits: { max_connections: 64, max_subscriptions: 1000 }
  users: [
    {
      user: %q, password: %s
      permissions {
        publish {
          allow: [
%s          ]
%s        }
      }
    }
  ]
  imports: [
%s  ]
}
`

// Write writes the configuration of the teams' accounts.
func Write(w io.Writer, teams []Team) error {
	var b strings.Builder
	b.WriteString(head)
	writeExports(&b, teams)
	b.WriteString("]\n")
	var variables []string
	for _, t := range teams {
		if t.Hash == "" {
			variables = append(variables, t.variable())
		}
	}
	if len(variables) > 0 {
		fmt.Fprintf(&b, passwords, strings.Join(variables, ", "))
	}
	for _, t := range teams {
		t.write(&b, teams)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeExports writes each service once, with the accounts that import it.
func writeExports(b *strings.Builder, teams []Team) {
	var services []string
	importers := make(map[string][]string)
	for _, t := range teams {
		for _, s := range partners.Services(t.Partner) {
			service := fmt.Sprintf("%q", s.Export)
			if s.Export != s.Import { // served by the service
				service = fmt.Sprintf("%q", t.Served()+".>")
			} else if s.Streamed {
				service += ", response_type: stream"
			}
			if !slices.Contains(services, service) {
				services = append(services, service)
			}
			if name := fmt.Sprintf("%q", t.account()); !slices.Contains(importers[service], name) {
				importers[service] = append(importers[service], name)
			}
		}
	}
	for _, service := range services {
		fmt.Fprintf(b, "  { service: %s, accounts: [%s] }\n", service, strings.Join(importers[service], ", "))
	}
}

// write writes the account of a team, beside all teams.
func (t Team) write(b *strings.Builder, teams []Team) {
	var allow, deny, imports strings.Builder
	for _, s := range partners.Services(t.Partner) {
		fmt.Fprintf(&allow, "            %q\n", s.Import)
		to := ""
		if s.Export != s.Import {
			to = fmt.Sprintf(", to: %q", s.Import)
		}
		fmt.Fprintf(&imports, "    { service: { account: CLIENTS, subject: %q }%s }\n", s.Export, to)
	}
	for _, other := range teams {
		if t.Accounts != nil || other.Name == t.Name {
			continue // all that it may use is its own
		}
		for _, name := range other.consumers() {
			fmt.Fprintf(&deny, "            \"$JS.API.CONSUMER.*.CLIENTS.%[1]s\", \"$JS.API.CONSUMER.*.CLIENTS.%[1]s.>\", "+
				"\"$JS.API.CONSUMER.*.*.CLIENTS.%[1]s\", \"$JS.ACK.CLIENTS.%[1]s.>\"\n", name)
		}
	}
	denied := ""
	if deny.Len() > 0 {
		denied = "          deny: [ # the consumers of others, whose names it knows\n" + deny.String() + "          ]\n"
	}
	password := t.variable()
	if t.Hash != "" {
		password = fmt.Sprintf("%q", t.Hash)
	}
	fmt.Fprintf(b, account, t.account(), t.Name, password, allow.String(), denied, imports.String())
}
