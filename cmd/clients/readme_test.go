package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command in the README is true: the curls are made here, in their order, and the rest by .ci/run.
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

// What a new user types is what CI does.
func TestTheReadmeBeginsWithTwoCommandsThatCIRuns(t *testing.T) {
	t.Parallel()
	ci, err := os.ReadFile("../../.ci/run")
	require.NoError(t, err)
	commands := readmeCommands(t, "")
	require.Equal(t, "go run ./cmd/clients", commands[0])
	require.Equal(t, "go test ./...", commands[1])
	for _, command := range commands {
		if !strings.HasPrefix(command, "curl ") {
			require.Contains(t, string(ci), command)
		}
	}
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
