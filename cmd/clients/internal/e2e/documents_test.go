package e2e_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documents are those whose commands are tested, in the order in which a reader meets them.
var documents = []string{
	"README.md", "transport/contracts/EVENTS.md", "deploy/OPERATING.md", "deploy/README.md", "deploy/monitoring/RUNBOOK.md",
	"deploy/compare/README.md", "eventstore/CONSISTENCY.md", "domain/DECISIONS.md", "cmd/example-subscriber/README.md",
}

// TestDocumentedRequests sends the documented curl commands in their order.
func TestDocumentedRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	addresses := strings.NewReplacer("http://127.0.0.1:8080", s.base, "http://127.0.0.1:8081", s.ops)
	var responses []string
	for _, command := range documentedCommands(t) {
		if !strings.HasPrefix(command, "curl ") {
			continue
		}
		output, err := exec.CommandContext(t.Context(), "sh", "-c", addresses.Replace(command)+" --silent --show-error --max-time 10").CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, output)
		require.Regexp(t, `^HTTP/1.1 20[01] `, string(output), command)
		responses = append(responses, string(output))
	}
	all := strings.Join(responses, "\n")
	require.Contains(t, responses[0], "Location: /clients/1\r\n")
	require.Contains(t, all, `{"client":{"name":"SuprCorp"`)
	require.Contains(t, all, "Location: /clients/2\r\n")
	require.Contains(t, all, "openapi: 3.1")
}

// instead maps documented commands that CI does not run literally to what it runs: a shorter or stricter form, or as much as
// is possible without a cluster.
var instead = map[string]string{
	"go test ./...": "go test -race -shuffle=on ./...",
	"go test -run TestFaults -timeout 30m -v ./cmd/clients/internal/e2e -faults=10m": "go test -run TestFaults -timeout 30m -v ./cmd/clients/internal/e2e -faults=20s",
	// each benchmark once, except those with minutes of preparation
	"go test -run '^$' -bench . ./cmd/clients/internal/e2e ./eventstore": "go test -run '^$' -bench 'Command|ThreeServers|GetOne|StrongReads|Tail|Delete|References|Start|Idle|Growth|Memory|Backup|kHistory' -benchtime 1x ./cmd/clients/internal/e2e ./eventstore",
	// needs a cluster: the tests of deploy/kubernetes create the Secrets, and make the backup at a NATS with the demo's users
	`for user in ADMIN SYS CLIENTS CLIENTS2 PROJECTS INVOICES SUBSCRIBER BACKUP ROUTE; do echo "${user}_PASSWORD=$(openssl rand -hex 16)"; done >nats-users.env`: "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients backup ./backup":                                                               "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients restore ./backup":                                                              "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients restore ./backup --replace":                                                    "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients verify":                                                                        "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	"CLIENTS_NATS_URL=nats://admin:admin-demo@127.0.0.1:4222 go run ./cmd/clients setup --sources":                                                               "go test -C deploy -race -shuffle=on -tags kubectl,helm ./...",
	// the data directory is not in the checkout
	`nats --server 127.0.0.1:4222 --user admin --password "$(cat clients-data/admin-password)" stream get CLIENTS 1`:                                  `nats --server 127.0.0.1:4222 --user admin --password "$(cat "$work/data/admin-password")" stream get CLIENTS 1`,
	`nats --server 127.0.0.1:4222 --user admin --password "$(cat clients-data/admin-password)" stream edit PROJECTS --max-bytes 1GB --discard new -f`: `nats --server 127.0.0.1:4222 --user admin --password "$(cat "$work/data/admin-password")" stream edit PROJECTS --max-bytes 1GB --discard new -f`,
	`nats --server 127.0.0.1:4222 --user admin --password "$(cat clients-data/admin-password)" stream purge PROJECTS --keep 1000 -f`:                  `nats --server 127.0.0.1:4222 --user admin --password "$(cat "$work/data/admin-password")" stream purge PROJECTS --keep 1000 -f`,
	`export NATS_URL=127.0.0.1:4222 NATS_USER=admin NATS_PASSWORD="$(cat clients-data/admin-password)"`:                                               `export NATS_URL=127.0.0.1:4222 NATS_USER=admin NATS_PASSWORD="$(cat "$work/data/admin-password")"`,
	// these leave files behind
	"go run ./cmd/example-subscriber --once --copy clients.json":                 `go run ./cmd/example-subscriber --once --copy "$work/copy.json"`,
	"python3 cmd/example-subscriber/subscriber.py --once --copy clients.json":    `python3 cmd/example-subscriber/subscriber.py --once --copy "$work/copy.json"`,
	"node cmd/example-subscriber/build/subscriber.js --once --copy clients.json": `node "$work/example/build/subscriber.js" --once --copy "$work/copy.json"`,
	"go run ./cmd/clients export -o clients.xml":                                 `go run ./cmd/clients export -o "$work/clients.xml"`,
	"go run ./cmd/clients import clients.xml":                                    `go run ./cmd/clients import "$work/clients.xml"`,
	"go run ./cmd/clients backup ./backup":                                       `go run ./cmd/clients backup "$work/backup"`,
	"go run ./cmd/clients restore ./backup --data-dir ./restored-data":           `go run ./cmd/clients restore "$work/backup" --data-dir "$work/restored-data"`,

	"git tag v1.0.0":                                  `git -C "$work/release" tag v1.0.0`,
	"deploy/release ./release":                        `"$work/release/deploy/release" "$work/files"`,
	"go run ./cmd/clients backup ./backups --keep 14": `go run ./cmd/clients backup "$work/backups" --keep 14`,

	"go run ./cmd/clients erase 1 --account default --log ./erased.jsonl":                           `go run ./cmd/clients erase 1 --account default --log "$work/erased.jsonl"`,
	"go run ./cmd/clients restore ./backup --data-dir ./restored-without --erasures ./erased.jsonl": `go run ./cmd/clients restore "$work/backup" --data-dir "$work/restored-without" --erasures "$work/erased.jsonl"`,

	// needs a cluster: CI prints what it would install
	"helm upgrade --install clients deploy/helm --namespace clients --set image.repository=registry.example.com/clients": "helm template clients deploy/helm --namespace clients --set image.repository=registry.example.com/clients",
	// takes minutes
	"go run -C deploy/compare .": "go run -C deploy/compare . -rounds 1 -time 100ms -clients 500",
	// needs a cluster: its script is parsed, and the fault tests put the service under the same load
	"IMPORT='kind load image-archive' deploy/drill/run": "bash -n deploy/drill/run",
}

// TestCIRunsDocumentedCommands checks that .ci/run contains every documented command, except those of curl, which are run
// above, and of kubectl, which need a cluster and are tested in deploy/kubernetes. It also contains each
// `nats stream` command with arguments that stands within a sentence, as in the runbook.
func TestCIRunsDocumentedCommands(t *testing.T) {
	t.Parallel()
	script := readFile(t, ".ci/run")
	script = regexp.MustCompile(`(?m)(^|[ \t])#.*$`).ReplaceAllString(script, "") // a comment or a title runs nothing
	script = regexp.MustCompile(`(?m)^step .*$`).ReplaceAllString(script, "")
	commands := documentedCommands(t)
	require.Equal(t, []string{"go run ./cmd/clients", "go test ./..."}, commands[:2], "the first two need only Go")
	for _, document := range documents {
		for _, match := range regexp.MustCompile("`(nats stream [a-z]+\\s[^`]+)`").FindAllStringSubmatch(readFile(t, document), -1) {
			commands = append(commands, strings.Join(strings.Fields(match[1]), " "))
		}
	}
	for _, command := range commands {
		if strings.HasPrefix(command, "curl ") || strings.HasPrefix(command, "kubectl ") {
			continue
		}
		// a whole line, perhaps in the background, with a setting, or as the condition of an if
		line := `(?m)^[ \t]*([A-Z_]+=\S+ |setsid |if )*` + regexp.QuoteMeta(cmp.Or(instead[command], command)) + `( &|; then .*)?[ \t]*$`
		require.Regexp(t, line, script, "CI does not run %s", command)
	}
	for command := range instead {
		require.Contains(t, commands, command, "no document has it any more")
	}
}

// TestReadmeHasEverySetting compares the README's table of settings with the help of serve.
func TestReadmeHasEverySetting(t *testing.T) {
	t.Parallel()
	documented := make(map[string]bool)
	for row := range strings.Lines(readFile(t, "README.md")) {
		if strings.HasPrefix(row, "| CLIENTS_") {
			first, _, _ := strings.Cut(row[2:], "|")
			for name := range strings.SplitSeq(first, ",") {
				documented[strings.TrimSpace(name)] = true
			}
		}
	}
	settings := make(map[string]bool)
	for _, match := range regexp.MustCompile(`\$(CLIENTS_[A-Z_]+)`).FindAllStringSubmatch(run(t, nil, "serve", "--help").stdout, -1) {
		settings[match[1]] = true
	}
	require.Greater(t, len(settings), 15)
	require.Equal(t, settings, documented)
}

// TestDocumentsAreShortAndLinked checks the length of the README and that relative links lead somewhere.
func TestDocumentsAreShortAndLinked(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, strings.Count(readFile(t, "README.md"), "\n"), 200)
	for _, document := range documents {
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readFile(t, document), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.Join(filepath.Dir(document), target)
			if target == "" {
				path = document
			}
			require.True(t, exists(filepath.Join(root, path)), "%s: %s", document, link[1])
			if anchor == "" {
				continue
			}
			var anchors []string
			for _, title := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(readFile(t, path), -1) {
				anchors = append(anchors, strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(title[1], "")), " ", "-"))
			}
			require.Contains(t, anchors, anchor, "%s: %s", document, link[1])
		}
	}
}

// documentedCommands returns the lines of the shell blocks of all documents.
func documentedCommands(t *testing.T) (commands []string) {
	t.Helper()
	for _, document := range documents {
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readFile(t, document), -1) {
			for line := range strings.Lines(block[1]) {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	return commands
}

const root = "../../../.." // of the repository

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(content)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
