package e2e_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// contract is an OpenAPI or AsyncAPI document, with the schemas in it.
type contract struct {
	t        *testing.T
	root     map[string]any
	compiler *jsonschema.Compiler
}

// readContract reads a document of the operations listener.
func readContract(t *testing.T, document response) *contract {
	t.Helper()
	var parsed any
	require.NoError(t, yaml.Unmarshal([]byte(document.body), &parsed))
	text, err := json.Marshal(parsed) // as JSON has it: numbers and all
	require.NoError(t, err)
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("contract.json", plain))
	return &contract{t: t, root: plain.(map[string]any), compiler: compiler}
}

// at returns the node at a path of the document, behind references, and the pointer to it.
func (c *contract) at(path ...string) (map[string]any, string) {
	c.t.Helper()
	node, pointer := c.root, "#"
	for _, step := range path {
		next, ok := node[step].(map[string]any)
		require.True(c.t, ok, "%v: there is no %s", path, step)
		node, pointer = next, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
		if reference, ok := node["$ref"].(string); ok {
			node, pointer = c.at(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
		}
	}
	return node, pointer
}

// valid requires that a value is valid by the schema at a pointer.
func (c *contract) valid(pointer string, value any, message string) {
	c.t.Helper()
	schema, err := c.compiler.Compile("contract.json" + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D"))
	require.NoError(c.t, err, pointer)
	require.NoError(c.t, schema.Validate(value), message)
}

func (c *contract) validJSON(pointer, document, message string) {
	c.t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	require.NoError(c.t, err, message)
	c.valid(pointer, value, message)
}

// steps is the path that a pointer stands for.
func steps(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "#/"), "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
