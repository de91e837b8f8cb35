package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayImport holds the arrows between the folders of the house: what a package may import beside the standard library.
// A package that is not listed here may not exist.
var mayImport = map[string][]string{
	"domain":         {},
	"domain/command": {"clients/domain"},
	"eventstore": {
		"clients/domain", "clients/eventstore/internal/jsapi", "github.com/nats-io/nats.go", "github.com/synadia-io/orbit.go/jetstreamext",
		"github.com/google/uuid", "go.opentelemetry.io/otel", "golang.org/x/mod/semver",
	},
	"eventstore/blockfile": {"clients/eventstore/files", "github.com/nats-io/nats-server/v2", "github.com/minio/highwayhash"},
	"eventstore/embedded": {
		"clients/eventstore", "clients/eventstore/blockfile", "clients/eventstore/files", "clients/eventstore/partners", "github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2",
		"github.com/gofrs/flock", "github.com/nats-io/nkeys", "golang.org/x/crypto/bcrypt",
	},
	"eventstore/files":          {},
	"eventstore/internal/jsapi": {"github.com/nats-io/nats.go", "github.com/synadia-io/orbit.go/jetstreamext"},
	"eventstore/history":        {"clients/domain", "clients/eventstore", "clients/eventstore/internal/jsapi", "github.com/nats-io/nats.go"},
	"eventstore/idempotency": {
		"clients/domain", "clients/eventstore/internal/jsapi", "github.com/nats-io/nats.go", "github.com/google/uuid",
	},
	"eventstore/upstream": {"clients/eventstore/internal/jsapi", "github.com/nats-io/nats.go"},
	"eventstore/erasure": {
		"clients/domain", "clients/eventstore", "clients/eventstore/deadletter", "clients/eventstore/internal/jsapi", "clients/eventstore/snapshotstore",
		"clients/eventstore/upstream", "github.com/google/uuid", "github.com/nats-io/nats.go", "golang.org/x/sync/errgroup",
	},
	"eventstore/deadletter":    {"clients/eventstore/internal/jsapi", "clients/eventstore/upstream", "github.com/nats-io/nats.go"},
	"eventstore/loglimit":      {"github.com/hashicorp/golang-lru/v2", "golang.org/x/time/rate"},
	"eventstore/partners":      {"clients/eventstore/upstream", "github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2", "golang.org/x/time/rate"},
	"eventstore/natstest":      {"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2", "github.com/stretchr/testify"},
	"projections":              {"clients/domain", "clients/eventstore", "clients/projections", "github.com/klauspost/compress"}, // its tests
	"projections/references":   {"clients/domain", "clients/eventstore/upstream", "github.com/tidwall/btree"},
	"projections/readmodel":    {"clients/domain", "clients/eventstore", "clients/projections/references", "github.com/nats-io/nats-server/v2/server/avl", "github.com/tidwall/btree", "golang.org/x/time/rate", "go.opentelemetry.io/otel"},
	"eventstore/snapshotstore": {"clients/eventstore", "clients/eventstore/internal/jsapi", "github.com/nats-io/nats.go"},
	"projections/snapshot":     {"clients/domain", "clients/eventstore", "clients/projections/readmodel", "clients/projections/references", "github.com/klauspost/compress", "github.com/nats-io/nats-server/v2/server/avl"},
	"projections/audit":        {"clients/domain", "clients/eventstore", "clients/projections/readmodel", "clients/projections/references", "clients/projections/snapshot"},
	"projections/ingest": {
		"clients/domain", "clients/eventstore", "clients/eventstore/deadletter", "clients/eventstore/upstream", "clients/projections/readmodel",
		"github.com/ThreeDotsLabs/watermill", "github.com/nats-io/nats.go",
		"github.com/prometheus/client_golang", "go.opentelemetry.io/otel",
	},
	"projections/feed":     {"clients/domain", "clients/eventstore"},
	"projections/timeline": {"clients/domain", "clients/eventstore", "github.com/hashicorp/golang-lru/v2"},
	"transport": {
		"clients/domain", "clients/projections/feed", "clients/projections/readmodel", "clients/projections/timeline", "clients/transport/wire", "clients/transport/auth", "clients/transport/credentials", "clients/transport/contracts", "clients/transport/connections", "clients/transport/sse", "clients/transport/console", "clients/transport/lists",
		"github.com/klauspost/compress", "github.com/prometheus/client_golang", "go.opentelemetry.io/otel", "golang.org/x/sync/semaphore",
	},
	"transport/lists":       {"clients/domain", "clients/projections/readmodel", "clients/transport/wire", "github.com/hashicorp/golang-lru/v2"},
	"transport/auth":        {"clients/transport/connections", "clients/transport/credentials", "github.com/hashicorp/golang-lru/v2", "github.com/prometheus/client_golang", "golang.org/x/text"},
	"transport/connections": {},
	"transport/console":     {"clients/domain", "clients/projections/readmodel", "clients/projections/timeline", "clients/eventstore", "golang.org/x/text"}, // eventstore: its tests
	"transport/sse":         {},
	"transport/contracts":   {},
	"transport/wire":        {"clients/domain", "golang.org/x/net", "golang.org/x/text"},
	"transport/credentials": {"clients/domain", "clients/transport/reload", "golang.org/x/crypto"},
	"transport/reload":      {},
	"cmd/clients":           {"clients", "github.com/alecthomas/kong", "github.com/google/uuid", "github.com/nats-io/nats.go", "golang.org/x/crypto/x509roots/fallback"},
	"cmd/clients/internal/server": {
		"clients", "github.com/KimMachineGun/automemlimit", "github.com/google/uuid", "github.com/nats-io/nats.go", "golang.org/x/time/rate",
		"github.com/prometheus/client_golang", "go.opentelemetry.io/otel/trace",
	},
	"cmd/clients/internal/version": {"clients/transport"},
	"cmd/clients/internal/importer": {
		"clients/domain", "clients/transport/wire", "clients/cmd/clients/internal/terminal", "golang.org/x/net", "golang.org/x/text",
		"github.com/hashicorp/go-retryablehttp", "github.com/gofrs/flock", "golang.org/x/sync/errgroup", "golang.org/x/time/rate",
	},
	"cmd/clients/internal/backup": {
		"clients/domain", "clients/eventstore", "clients/projections", "clients/cmd/clients/internal/natsconn", "clients/cmd/clients/internal/terminal",
		"github.com/google/uuid", "github.com/nats-io/jsm.go", "github.com/nats-io/nats.go", "github.com/klauspost/compress/s2",
	},
	"cmd/clients/internal/events": {"clients/domain", "clients/eventstore", "clients/cmd/clients/internal/natsconn", "clients/cmd/clients/internal/terminal"},
	"cmd/clients/internal/export": {
		"clients/domain", "clients/eventstore", "clients/projections", "clients/transport", "clients/cmd/clients/internal/natsconn", "clients/cmd/clients/internal/terminal", "github.com/nats-io/nats.go",
	},
	"cmd/clients/internal/verify": {
		"clients/domain", "clients/eventstore", "clients/projections/audit", "clients/cmd/clients/internal/natsconn", "clients/cmd/clients/internal/terminal", "github.com/nats-io/nats.go",
	},
	"cmd/clients/internal/config": {
		"clients/domain", "clients/eventstore", "clients/transport", "clients/cmd/clients/internal/natsconn",
		"github.com/nats-io/nats.go", "github.com/nats-io/jwt/v2", "github.com/nats-io/nkeys",
	},
	"cmd/clients/internal/natsconn":     {"clients/eventstore", "clients/cmd/clients/internal/terminal", "github.com/nats-io/nats.go"},
	"cmd/clients/internal/teams":        {"clients/domain", "clients/eventstore/partners", "clients/eventstore/upstream", "clients/cmd/clients/internal/config", "golang.org/x/crypto/bcrypt"},
	"cmd/clients/internal/tracing":      {"github.com/go-logr/logr/funcr", "golang.org/x/time/rate", "go.opentelemetry.io/contrib/exporters/autoexport", "go.opentelemetry.io/otel"},
	"cmd/clients/internal/terminal":     {"github.com/nats-io/nats.go", "golang.org/x/term", "golang.org/x/time/rate", "golang.org/x/sys/unix"},
	"cmd/clients/internal/e2e":          {"github.com/nats-io", "github.com/klauspost/compress", "github.com/synadia-io/orbit.go/jetstreamext", "clients/cmd/clients/internal/e2e/workload"},
	"cmd/clients/internal/e2e/load":     {"clients/cmd/clients/internal/e2e/workload"},
	"cmd/clients/internal/e2e/workload": {"github.com/anishathalye/porcupine"},
	"cmd/example-subscriber":            {"clients/cmd/example-subscriber/mirror", "github.com/nats-io/nats.go"},
	"cmd/example-subscriber/mirror":     {"github.com/nats-io/nats.go"},
	"deploy/image":                      {"github.com/google/go-containerregistry"},
	"deploy/lock":                       {},
	"deploy/reload":                     {},
	"deploy/compare":                    {"golang.org/x/sys/unix"},
	"deploy/compare/rival":              {"clients/domain", "clients/transport/wire", "github.com/jackc/pgx/v5"},
	"deploy/kubernetes":                 {},
	"deploy/monitoring":                 {},
}

// testsMayImport comes on top in tests.
var testsMayImport = []string{"github.com/stretchr/testify", "github.com/nats-io/nats.go", "github.com/google/uuid", "github.com/anishathalye/porcupine", "golang.org/x/crypto/bcrypt",
	"github.com/chromedp", "github.com/santhosh-tekuri/jsonschema/v6", "go.yaml.in/yaml/v3", "go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf", "clients/eventstore/natstest", "clients/eventstore/upstream", "clients/eventstore/deadletter",
	"github.com/cloudevents/sdk-go", "github.com/minio/highwayhash", "github.com/nats-io/nats-server/v2", "clients/domain",
	"clients/eventstore", "clients/projections/readmodel", "clients/projections/ingest"}

func TestImportsFollowTheArrowsOfTheHouse(t *testing.T) {
	packages := goPackages(t)
	for folder := range mayImport {
		require.Contains(t, packages, folder, "a rule for a package that is gone")
	}
	for folder, files := range packages {
		if folder == "deploy/kubernetes" || folder == "deploy/monitoring" { // tests alone, in a module of their own
			continue
		}
		allowed, known := mayImport[folder]
		require.True(t, known, "package %s has no place in the house", folder)
		for path, file := range files {
			for _, imported := range file.Imports {
				name, err := strconv.Unquote(imported.Path.Value)
				require.NoError(t, err)
				if first, _, _ := strings.Cut(name, "/"); first != "clients" && !strings.Contains(first, ".") {
					continue // standard library
				}
				ok := within(name, allowed) || strings.HasSuffix(path, "_test.go") && (within(name, testsMayImport) || name == "clients/"+folder)
				require.True(t, ok, "%s must not import %s", path, name)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for folder, files := range goPackages(t) {
		comments := 0
		for path, file := range files {
			if file.Doc != nil && !strings.HasSuffix(path, "_test.go") {
				comments++
				require.Greater(t, len(file.Doc.Text()), 40, "%s: the package comment is too short", path)
			}
		}
		require.Equal(t, 1, comments, "package comments of %s", folder)
	}
}

// Limits that let a newcomer survey a folder and a type.
const maxFiles, maxMethods = 25, 25

func TestFoldersAndTypesAreSmall(t *testing.T) {
	for folder, files := range goPackages(t) {
		production, methods := 0, make(map[string]int)
		for path, file := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			production++
			for _, declaration := range file.Decls {
				if method, ok := declaration.(*ast.FuncDecl); ok && method.Recv != nil {
					receiver := method.Recv.List[0].Type
					if pointer, ok := receiver.(*ast.StarExpr); ok {
						receiver = pointer.X
					}
					methods[folder+"."+fmt.Sprint(receiver)]++
				}
			}
		}
		require.LessOrEqual(t, production, maxFiles, folder)
		for name, count := range methods {
			require.LessOrEqual(t, count, maxMethods, "methods of %s", name)
		}
	}
}

func within(name string, allowed []string) bool {
	for _, prefix := range allowed {
		if name == prefix || strings.HasPrefix(name, prefix+"/") {
			return true
		}
	}
	return false
}

// goPackages are the Go files of the whole module, by folder and path.
func goPackages(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	const root = "../.."
	packages := make(map[string]map[string]*ast.File)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if packages[folder] == nil {
			packages[folder] = make(map[string]*ast.File)
		}
		packages[folder][path] = file
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(packages), 5, "the walk has missed the module")
	return packages
}
