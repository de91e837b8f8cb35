// Package teams derives the accounts of a NATS server from a file of teams: who may log in, which accounts of the service
// each team reads, and what it publishes.
//
//	file ──Read──> teams ──Write──> configuration of the NATS servers
//
// The file is a JSON array:
//
//	[
//	  {"name": "subscriber", "accounts": "all"},
//	  {"name": "crm", "accounts": ["acme"], "publishes": ["projects"], "password": "$2y$10$…"}
//	]
//
// The name is that of the team's user of NATS. "accounts" are the accounts of the service: "all", or a list of them. "publishes"
// names the sources to which the team publishes events of these accounts. "password" is a bcrypt hash; without it the
// servers read the password from the environment variable <NAME>_PASSWORD.
//
// Each team gets a NATS account of its own, which imports what partners.Services lists for it, and nothing else. A team with
// a list of accounts reaches JetStream by names and subjects of its own alone, and has few consumers for each of its accounts:
// see partners.ConsumerNames. A team with all accounts may give consumers random names; those of the others, which it could
// guess, are denied to its user.
//
// What is written depends on the file alone, so that a change can be reviewed. accounts.conf in deploy/kubernetes includes it
// in front of the account of the streams, which exports $TEAM_EXPORTS. The servers apply it when they are reloaded.
package teams

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"clients/cmd/clients/internal/config"
	"clients/domain"
	"clients/eventstore/partners"
	"clients/eventstore/upstream"
)

// Team is an entry of the file.
type Team struct {
	partners.Partner
	Hash string // of the password, "" for one in the environment
}

// entry is a team as it is written.
type entry struct {
	Name      string          `json:"name"`
	Accounts  json.RawMessage `json:"accounts"`
	Publishes []string        `json:"publishes"`
	Password  string          `json:"password"`
}

const (
	all = `"all"`
	// accountLimit keeps the subjects that name all accounts of a team far below the limit of NATS.
	accountLimit = 16
)

// validName is shorter than the random names that partners with all accounts may choose for consumers.
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,18}$`)

// validHash is a bcrypt hash without anything behind it, such as a line break: NATS would accept no password for that.
var validHash = regexp.MustCompile(`^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$`)

// taken are the users and accounts that are no teams'.
var taken = []string{"admin", "backup", "clients", "clients2", "passwords", "route", "sys"}

var sources = map[string]upstream.Stream{"projects": upstream.Projects, "invoices": upstream.Invoices}

// Read reads a file of teams, in their order. The error is config.Faults with everything that is wrong with it.
func Read(path string) (teams []Team, err error) {
	var faults config.Faults
	content, err := os.ReadFile(path)
	if err != nil {
		faults.Add("--teams", "%v", err)
		return nil, faults
	}
	var entries []json.RawMessage
	if err := decode(content, &entries); err != nil {
		faults.Add(path, "must be a JSON array of teams (%v)", err)
	} else if len(entries) == 0 {
		faults.Add(path, "has no team")
	}
	for i, raw := range entries {
		var e entry
		if err := decode(raw, &e); err != nil {
			faults.Add(path, "team %d: %v", i+1, err)
			continue
		}
		team := e.team(path, &faults)
		if slices.ContainsFunc(teams, func(t Team) bool { return t.Name == team.Name }) {
			faults.Add(path, "there are several teams %q", team.Name)
		}
		teams = append(teams, team)
	}
	return teams, faults.Err()
}

// team checks an entry.
func (e entry) team(path string, faults *config.Faults) (team Team) {
	fault := func(format string, args ...any) {
		faults.Add(path, "team %q: "+format, append([]any{e.Name}, args...)...)
	}
	team.Name, team.Hash = e.Name, e.Password
	if !validName.MatchString(e.Name) {
		fault("a name begins with a letter and has at most 19 of a-z, 0-9 and -")
	} else if slices.Contains(taken, e.Name) {
		fault("the name is taken by another user or account")
	}
	team.readAccounts(e.Accounts, fault)
	for i, name := range e.Publishes {
		source, known := sources[name]
		if !known || slices.Contains(e.Publishes[:i], name) {
			fault("publishes %q: must be projects or invoices, each once", name)
		}
		team.Sources = append(team.Sources, source)
	}
	if e.Password != "" && !validHash.MatchString(e.Password) {
		fault("the password must be a bcrypt hash, as htpasswd -nB prints it")
	}
	return team
}

// readAccounts reads "all" or a list.
func (t *Team) readAccounts(raw json.RawMessage, fault func(format string, args ...any)) {
	if string(raw) == all {
		return
	}
	if decode(raw, &t.Accounts) != nil || len(t.Accounts) == 0 || len(t.Accounts) > accountLimit {
		fault("accounts: must be %s or a list of 1 to %d accounts", all, accountLimit)
	}
	for i, account := range t.Accounts {
		if !domain.ValidAccount(account) {
			fault("account %q: must be 1 to 63 of a-z, 0-9 and -", account)
		} else if slices.Contains(t.Accounts[:i], account) {
			fault("account %q is there twice", account)
		}
	}
}

// decode reads one JSON value with known names.
func decode(content []byte, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON value")
	}
	return nil
}

// account is the team's account of NATS.
func (t Team) account() string { return strings.ToUpper(t.Name) }

// variable is the environment variable with the team's password.
func (t Team) variable() string {
	return "$" + strings.ReplaceAll(t.account(), "-", "_") + "_PASSWORD"
}

// consumers are the names of the team's consumers that others could guess.
func (t Team) consumers() (names []string) {
	if t.Accounts == nil {
		return []string{t.Name}
	}
	for _, account := range t.Accounts {
		names = append(names, partners.ConsumerNames(t.Name, account)...)
	}
	return names
}
