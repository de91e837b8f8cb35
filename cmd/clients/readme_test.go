package main

import (
	"cmp"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command in the README is true: the curls are made here, in their order, and the rest by .ci/run, as it stands there
// and with nothing left out. What cannot be made there is listed, with what is made for it.
func TestTheReadmeCurlsDoWhatItSays(t *testing.T) {
	t.Parallel()
	a := launch(t)
	addresses := strings.NewReplacer("127.0.0.1:8080", a.apiAddr(), "127.0.0.1:8081", a.opsAddr())
	var answers []string
	for _, command := range readmeCommands(t, "curl ") {
		output, err := exec.CommandContext(t.Context(), "sh", "-c", addresses.Replace(command)+" --silent --show-error --max-time 10").CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, output)
		require.Regexp(t, `^HTTP/1.1 20[01] `, string(output), command)
		answers = append(answers, string(output))
	}
	require.GreaterOrEqual(t, len(answers), 14)
	require.Contains(t, answers[0], "Location: /clients/1\r\n")
	all := strings.Join(answers, "\n")
	require.Contains(t, all, `{"client":{"name":"SuprCorp"`)
	require.Equal(t, 2, strings.Count(all, "Location: /clients/2\r\n"), "the write with a key happens once")
}

// instead are the commands that CI does not make as they stand, and what it makes for them: the same in a shorter or a
// stricter form, or as much of it as there is without a cluster.
var instead = map[string]string{
	"go test ./...": "go test -race -shuffle=on ./...",
	// ten minutes of faults: as many as there is time for
	"go test -run TestFaults -timeout 30m -v ./cmd/clients -faults=10m": "go test -run TestFaults -timeout 30m -v ./cmd/clients -faults=20s",
	// each benchmark once, but those with data of minutes
	"go test -run '^$' -bench . ./cmd/clients ./eventstore": "go test -run '^$' -bench 'Command|GetOne|StrongReads|Follow|Delete|References|Start' -benchtime 1x ./cmd/clients ./eventstore",
	// needs a cluster: the tests of deploy/kubernetes render it as kubectl does, and decode it as strictly as the API server
	"kubectl apply -k deploy/kubernetes/overlays/demo": "go test -C deploy -race -shuffle=on ./...",
	// need a cluster: the tests of deploy/kubernetes look for what they name, and make the backup at a NATS with the demo's users
	"kubectl -n clients-demo delete job setup --ignore-not-found":                                  "go test -C deploy -race -shuffle=on ./...",
	"kubectl -n clients-demo port-forward service/nats 4222 &":                                     "go test -C deploy -race -shuffle=on ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients backup ./backup": "go test -C deploy -race -shuffle=on ./...",
	// the data directory is elsewhere than in the checkout
	`nats --server 127.0.0.1:4222 --user admin --password "$(cat clients-data/admin-password)" stream get CLIENTS 1`: `nats --server 127.0.0.1:4222 --user admin --password "$(cat "$work/data/admin-password")" stream get CLIENTS 1`,
	// leave files behind: elsewhere than in the checkout
	"go run ./cmd/clients export -o clients.xml":                       `go run ./cmd/clients export -o "$work/clients.xml"`,
	"go run ./cmd/clients import clients.xml":                          `go run ./cmd/clients import "$work/clients.xml"`,
	"go run ./cmd/clients backup ./backup":                             `go run ./cmd/clients backup "$work/backup"`,
	"go run ./cmd/clients restore ./backup --data-dir ./restored-data": `go run ./cmd/clients restore "$work/backup" --data-dir "$work/restored-data"`,
	// needs a cluster: its script is parsed, and the tests of deploy/drill/load put the service itself under that load
	"IMPORT='kind load image-archive' deploy/drill/run": "bash -n deploy/drill/run",
}

// What a new user types is what CI does. A comment there does nothing, and does not count.
func TestTheReadmeBeginsWithTwoCommandsThatCIRuns(t *testing.T) {
	t.Parallel()
	ci, err := os.ReadFile("../../.ci/run")
	require.NoError(t, err)
	made := regexp.MustCompile(`(?m)(^|[ \t])#.*$`).ReplaceAllString(string(ci), "")
	made = regexp.MustCompile(`(?m)^step .*$`).ReplaceAllString(made, "")
	commands := readmeCommands(t, "")
	require.Equal(t, "go run ./cmd/clients", commands[0])
	require.Equal(t, "go test ./...", commands[1])
	for _, command := range commands {
		if !strings.HasPrefix(command, "curl ") {
			makes(t, made, cmp.Or(instead[command], command))
		}
	}
	for command := range instead {
		require.Contains(t, commands, command, "it is no longer in the README")
	}
}

// makes looks for a line that makes a command: as a whole, and not the beginning of another. It may be made in the
// background, with a setting, or by an if that looks how it ends.
func makes(t *testing.T, script, command string) {
	t.Helper()
	line := `(?m)^[ \t]*([A-Z_]+=\S+ |setsid |if )*` + regexp.QuoteMeta(command) + `( &|; then .*)?[ \t]*$`
	require.True(t, regexp.MustCompile(line).MatchString(script), "CI does not make %s", command)
}

// readmeCommands are the lines of the README's shell blocks that begin with prefix.
func readmeCommands(t *testing.T, prefix string) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			if strings.HasPrefix(line, prefix) {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	require.NotEmpty(t, commands)
	return commands
}
