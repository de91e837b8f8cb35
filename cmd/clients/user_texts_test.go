package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var updateTexts = flag.Bool("update", false, "write testdata/user-texts.golden")

// All texts that a user can see are in one file, which can be read and edited as a whole: change a text in the source and
// run the test with -update.
func TestUserTexts(t *testing.T) {
	var b strings.Builder
	section := func(title string, lines ...string) {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", title, strings.TrimSpace(strings.Join(lines, "\n")))
	}
	for _, command := range []string{
		"", "serve", "setup", "import", "export", "events", "verify", "backup", "restore", "erase", "skip", "epoch", "version",
		"quarantine", "quarantine list", "quarantine show", "quarantine retry", "quarantine drop",
	} {
		section(strings.TrimSpace("clients "+command)+" --help", runText(t, append(strings.Fields(command), "--help")...))
	}
	section("faults of the settings", runText(t, "serve", "--http-addr=x", "--ops-addr=x", "--allowed-hosts=a:1", "--nats-url=http://x",
		"--nats-creds=/nowhere/creds", "--nats-cert=/nowhere/cert", "--embedded-nats-addr=0.0.0.0:0", "--data-dir=", "--stream-replicas=2",
		"--credentials-dir=/nowhere", "--trusted-proxies=x", "--default-currency= ", "--read-consistency=x", "--rate-limit=x", "--feed-limit=x",
		"--scrub-interval=x", "--log-level=x", "--log-format=x", "--tls-cert=/nowhere/cert", "--shutdown-delay=1h"))
	section("faults of the settings with an embedded server", runText(t, "serve", "--stream-replicas=2", "--nats-key=/nowhere/key"))
	section("faults of an import", runText(t, "import", "-", "--url=x", "--login=x", "--callers=0", "--ca=/nowhere/ca"))
	section("no service is running", runText(t, "verify", "--nats-url=127.0.0.1:1"))
	section("unknown command", runText(t, "destroy"))

	texts := sourceTexts(t)
	section("log messages", slices.Sorted(maps.Keys(texts.logs))...)
	section("hints", slices.Sorted(maps.Keys(texts.hints))...)
	section("errors", slices.Sorted(maps.Keys(texts.errors))...)
	section("refusals of the API", slices.Sorted(maps.Keys(texts.refusals))...)
	section("pages of the console", consoleTexts(t)...)
	section("alerts", alertTexts(t)...)

	const golden = "testdata/user-texts.golden"
	if *updateTexts {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "run the test with -update, and read the difference")
}

// runText returns what a command line prints.
func runText(t *testing.T, args ...string) string {
	t.Helper()
	var b bytes.Buffer
	run(t.Context(), args, &b, &b)
	return b.String()
}

// texts are string literals of the source, by what they are for.
type texts struct{ logs, hints, errors, refusals map[string]bool }

// sourceTexts collects the first literals of the calls that log, return errors or refuse requests.
func sourceTexts(t *testing.T) texts {
	t.Helper()
	found := texts{make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool)}
	const root = "../.."
	for _, folder := range []string{"cmd/clients", "domain", "eventstore", "projections", "transport"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "/e2e/") || strings.Contains(path, "/natstest/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if call, isCall := node.(*ast.CallExpr); isCall {
					found.add(call)
				}
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	return found
}

func (found texts) add(call *ast.CallExpr) {
	name := ""
	switch function := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = function.Sel.Name
		if receiver, isName := function.X.(*ast.Ident); isName && (receiver.Name == "fmt" || receiver.Name == "errors") {
			name = receiver.Name + "." + name
		}
	case *ast.Ident:
		name = function.Name
	}
	text := literal(call.Args)
	switch name {
	case "Debug", "Info", "Warn", "Error":
		if text != "" {
			found.logs[strings.ToLower(name)+" "+text] = true
		}
	case "WithHint":
		if text != "%s" {
			found.hints[text] = true
		}
	case "fmt.Errorf", "errors.New":
		found.errors[text] = true
	case "refuse", "refusef", "refused", "invalid", "invalidf", "respondError", "Errorf":
		found.refusals[text] = true
	}
}

// literal returns the first string literal among arguments.
func literal(args []ast.Expr) string {
	for _, arg := range args {
		if text, isLiteral := arg.(*ast.BasicLit); isLiteral && text.Kind == token.STRING {
			value, _ := strconv.Unquote(text.Value)
			return strings.ReplaceAll(value, "\n", `\n`)
		}
	}
	return ""
}

// alertTexts returns the names of the alerts with their summaries.
func alertTexts(t *testing.T) (lines []string) {
	t.Helper()
	content, err := os.ReadFile("../../deploy/monitoring/alerts.yaml")
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &rules))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			lines = append(lines, rule.Alert+": "+rule.Annotations["summary"])
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

// consoleTexts returns the texts of the console's pages without their tags, and those of its script.
func consoleTexts(t *testing.T) (lines []string) {
	t.Helper()
	noText := regexp.MustCompile(`(?s)\{\{.*?\}\}|<[^>]*>`)
	literal := regexp.MustCompile("[`'][^`'\n]*[a-z] [a-z][^`'\n]*[`']")
	for _, path := range []string{"list.html", "client.html", "frame.html", "refusal.html", "../assets/console.js"} {
		content, err := os.ReadFile("../../transport/console/pages/" + path)
		require.NoError(t, err)
		found := strings.Split(noText.ReplaceAllString(string(content), " "), "\n")
		if strings.HasSuffix(path, ".js") {
			found = literal.FindAllString(string(content), -1)
		}
		for _, line := range found {
			if line = strings.Join(strings.Fields(line), " "); strings.ContainsAny(line, "abcdefghijklmnopqrstuvwxyz") {
				lines = append(lines, line)
			}
		}
	}
	require.NotEmpty(t, lines)
	return lines
}
