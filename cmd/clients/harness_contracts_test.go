package main

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

// readContract reads what the service shows on its operations listener.
func readContract(t *testing.T, ops answer) *contract {
	t.Helper()
	var parsed any
	require.NoError(t, yaml.Unmarshal([]byte(ops.body), &parsed))
	text, err := json.Marshal(parsed) // as JSON has it: numbers and all
	require.NoError(t, err)
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("contract.json", plain))
	return &contract{t: t, root: plain.(map[string]any), compiler: compiler}
}

// at is what stands at a path of the document, behind references.
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

// valid holds a value against the schema at a pointer.
func (c *contract) valid(pointer string, value any, told string) {
	c.t.Helper()
	schema, err := c.compiler.Compile("contract.json" + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D"))
	require.NoError(c.t, err, pointer)
	require.NoError(c.t, schema.Validate(value), told)
}

func (c *contract) validJSON(pointer, document, told string) {
	c.t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	require.NoError(c.t, err, told)
	c.valid(pointer, value, told)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
