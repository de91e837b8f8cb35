package teams_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/cmd/clients/internal/teams"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

const deployed = "../../../../deploy/kubernetes/components/nats/"

func write(t *testing.T, path string) string {
	t.Helper()
	all, err := teams.Read(path)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, teams.Write(&b, all))
	return b.String()
}

func TestTheDeployedConfigurationIsThatOfItsTeams(t *testing.T) {
	want, err := os.ReadFile(deployed + "teams.conf")
	require.NoError(t, err)
	require.Equal(t, string(want), write(t, deployed+"teams.json"), "write it with clients setup --teams")
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "teams.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const hash = "$2y$10$abcdefghijklmnopqrstuuWCbTsCHPtJYMFlSWJBrVNd9T4AOEzvu"

// The server accepts names that its configuration would read as other types.
func TestTheServerReadsTheConfiguration(t *testing.T) {
	text := write(t, file(t, `[
		{"name": "true", "accounts": ["7", "no"], "publishes": ["projects"], "password": "`+hash+`"},
		{"name": "a-b-9", "accounts": ["true"]},
		{"name": "reader", "accounts": "all"}
	]`))
	t.Setenv("A_B_9_PASSWORD", "one")
	t.Setenv("READER_PASSWORD", "two")
	var options server.Options
	require.NoError(t, options.ProcessConfigString("accounts {\n"+text+"\nCLIENTS { exports: $TEAM_EXPORTS }\n}"))
	passwords := make(map[string]string)
	for _, user := range options.Users {
		passwords[user.Username+" of "+user.Account.Name] = user.Password
	}
	require.Equal(t, map[string]string{"true of TRUE": hash, "a-b-9 of A-B-9": "one", "reader of READER": "two"}, passwords)
	require.Contains(t, text, `{ service: "projects.7.>", accounts: ["TRUE"] }`)
	require.Contains(t, text, `"$JS.API.CONSUMER.*.*.CLIENTS.a-b-9+true+1"`, "denied to the reader")
	require.NotContains(t, text, `CLIENTS.a-b-9"`, "no name of a consumer is without an account")
}

func TestInvalidFilesOfTeams(t *testing.T) {
	for content, want := range map[string]string{
		``:                                       "must be a JSON array of teams (EOF)",
		`{}`:                                     "must be a JSON array of teams",
		`[]`:                                     "has no team",
		`[] []`:                                  "text follows the JSON value",
		`[{"name": "crm", "acounts": ["acme"]}]`: `json: unknown field "acounts"`,
		`[{"name": "crm", "accounts": ["acme"]}, {"name": "crm", "accounts": "all"}]`: `there are several teams "crm"`,
		`[{"name": "crm"}]`:                                                                    `team "crm": accounts: must be "all" or a list of 1 to 16 accounts`,
		`[{"name": "crm", "accounts": []}]`:                                                    `must be "all" or a list`,
		`[{"name": "crm", "accounts": null}]`:                                                  `must be "all" or a list`,
		`[{"name": "crm", "accounts": "acme"}]`:                                                `must be "all" or a list`,
		`[{"name": "crm", "accounts": ["*"]}]`:                                                 `team "crm": account "*": must be 1 to 63 of a-z, 0-9 and -`,
		`[{"name": "crm", "accounts": ["acme.>"]}]`:                                            `account "acme.>"`,
		`[{"name": "crm", "accounts": ["acme,shop"]}]`:                                         `account "acme,shop"`,
		`[{"name": "crm", "accounts": ["acme", "acme"]}]`:                                      `team "crm": account "acme" is there twice`,
		`[{"name": "CRM", "accounts": "all"}]`:                                                 `team "CRM": a name begins with a letter and has at most 19 of a-z, 0-9 and -`,
		`[{"name": "a.b", "accounts": "all"}]`:                                                 `team "a.b": a name`,
		`[{"name": "abcdefghij-abcdefghi", "accounts": "all"}]`:                                `a name begins`,
		`[{"name": "admin", "accounts": "all"}]`:                                               `team "admin": the name is taken by another user or account`,
		`[{"name": "crm", "accounts": "all", "publishes": ["clients"]}]`:                       `team "crm": publishes "clients": must be projects or invoices, each once`,
		`[{"name": "crm", "accounts": "all", "publishes": ["projects", "projects"]}]`:          `each once`,
		`[{"name": "crm", "accounts": "all", "password": "secret"}]`:                           `team "crm": the password must be a bcrypt hash`,
		`[{"name": "crm", "accounts": "all", "password": "` + hash + `\n"}]`:                   `team "crm": the password must be a bcrypt hash`,
		`[{"name": "7", "accounts": ["A"]}, {"name": "sys", "accounts": [], "password": "x"}]`: "",
	} {
		_, err := teams.Read(file(t, content))
		require.ErrorContains(t, err, want, content)
		if want == "" {
			require.Len(t, strings.Split(err.Error(), "\n"), 5, "all at once")
		}
	}
	_, err := teams.Read("none.json")
	require.ErrorContains(t, err, "--teams: open none.json: no such file or directory")
}
