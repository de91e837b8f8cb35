//go:build node

package e2e_test

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// exampleJS is a copy of cmd/example-subscriber in which .ci/run has installed the packages and compiled subscriber.ts. python3
// is in PATH:
//
//	go test -tags node -run TheExample ./cmd/clients/internal/e2e -example-js=DIR
var exampleJS = flag.String("example-js", "", "folder of build/subscriber.js and node_modules")

func TestTheExampleInTypeScript(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, *exampleJS, "-example-js is missing")
	requireExample(t, "node", filepath.Join(*exampleJS, "build", "subscriber.js"))
}

func TestTheExampleInPython(t *testing.T) {
	t.Parallel()
	requireExample(t, "python3", filepath.Join(root, "cmd", "example-subscriber", "subscriber.py"))
}
