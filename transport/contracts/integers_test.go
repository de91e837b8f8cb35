package contracts_test

import (
	"io/fs"
	"strings"
	"testing"

	"clients/transport/contracts"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Ids and versions are 64-bit numbers. The documents have to declare it, because the default of code generators may have 32.
func TestIntegersAre64Bits(t *testing.T) {
	documents := map[string][]byte{"OpenAPI": contracts.OpenAPI}
	files, err := fs.Glob(contracts.Schemas, "schemas/*.v1.[A-Z]*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		documents[path], err = contracts.Schemas.ReadFile(path)
		require.NoError(t, err)
	}
	for name, document := range documents {
		var root any
		require.NoError(t, yaml.Unmarshal(document, &root)) // JSON is YAML
		found := 0
		eachInteger(root, "", func(path string, schema map[string]any) {
			if strings.HasSuffix(path, "/RetryAfter/schema") { // seconds
				return
			}
			found++
			require.Equal(t, "int64", schema["format"], "%s: %s", name, path)
		})
		require.NotZero(t, found, name)
	}
}

// eachInteger visits the schemas whose type is, or may be, integer.
func eachInteger(node any, path string, visit func(path string, schema map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		types, several := node["type"].([]any)
		if node["type"] == "integer" || several && types[0] == "integer" {
			visit(path, node)
		}
		for key, value := range node {
			eachInteger(value, path+"/"+key, visit)
		}
	case []any:
		for _, value := range node {
			eachInteger(value, path, visit)
		}
	}
}
