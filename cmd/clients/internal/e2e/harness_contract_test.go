package e2e_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"regexp"
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
	ordered  yaml.Node      // the same with the order of its keys
	external map[string]any // documents that it refers to, by their paths
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
	c := &contract{t: t, root: plain.(map[string]any), external: make(map[string]any), compiler: compiler}
	require.NoError(t, yaml.Unmarshal([]byte(document.body), &c.ordered))
	return c
}

// readAsyncAPI reads the AsyncAPI document of an operations listener, and the schemas that it refers to.
func readAsyncAPI(t *testing.T, get func(path string) response) *contract {
	t.Helper()
	document := get("/asyncapi.yaml")
	c := readContract(t, document)
	for _, match := range regexp.MustCompile(`\$ref: (schemas/[^}\s]+)`).FindAllStringSubmatch(document.body, -1) {
		if c.external[match[1]] == nil {
			r := get("/" + match[1])
			require.Equal(t, http.StatusOK, r.status, match[1])
			c.external[match[1]] = parseJSON(t, r.body)
			require.NoError(t, c.compiler.AddResource(match[1], c.external[match[1]]))
		}
	}
	return c
}

// at returns the node at a path of the document, behind references, and the pointer to it, or the path of another document.
func (c *contract) at(path ...string) (map[string]any, string) {
	c.t.Helper()
	node, pointer := c.root, "#"
	for _, step := range path {
		next, ok := node[step].(map[string]any)
		require.True(c.t, ok, "%v: there is no %s", path, step)
		node, pointer = next, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
		reference, _ := node["$ref"].(string)
		if document, ok := c.external[reference].(map[string]any); ok {
			node, pointer = document, reference
		} else if reference != "" {
			node, pointer = c.at(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
		}
	}
	return node, pointer
}

// validate returns how a value violates the schema at a pointer.
func (c *contract) validate(pointer string, value any) error {
	c.t.Helper()
	if strings.HasPrefix(pointer, "#") {
		pointer = "contract.json" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer)
	}
	schema, err := c.compiler.Compile(pointer)
	require.NoError(c.t, err, pointer)
	return schema.Validate(value)
}

// valid requires that a value is valid by the schema at a pointer.
func (c *contract) valid(pointer string, value any, message string) {
	c.t.Helper()
	require.NoError(c.t, c.validate(pointer, value), message)
}

func (c *contract) validJSON(pointer, document, message string) {
	c.t.Helper()
	c.valid(pointer, parseJSON(c.t, document), message)
}

func parseJSON(t testing.TB, document string) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	require.NoError(t, err, document)
	return value
}

// element is an XML element without its text.
type element struct {
	XMLName  xml.Name
	Children []element `xml:",any"`
}

// validXML requires that a document has the elements of the schema at a pointer, by name and in order.
func (c *contract) validXML(pointer, document, message string) {
	c.t.Helper()
	var root element
	require.NoError(c.t, xml.Unmarshal([]byte(document), &root), message)
	c.validElement(pointer, root, message)
}

func (c *contract) validElement(pointer string, e element, message string) {
	c.t.Helper()
	schema, pointer := c.at(steps(pointer)...)
	require.Equal(c.t, schema["xml"].(map[string]any)["name"], e.XMLName.Local, message)
	if schema["type"] == "array" {
		for _, item := range e.Children {
			c.validElement(pointer+"/items", item, message)
		}
		return
	}
	if schema["properties"] == nil {
		return
	}
	var names []string
	for _, child := range e.Children {
		names = append(names, child.XMLName.Local)
	}
	require.Equal(c.t, c.properties(pointer), names, message)
}

// properties returns the names of the properties of a schema, in the order of the document.
func (c *contract) properties(pointer string) (names []string) {
	c.t.Helper()
	node := c.ordered.Content[0]
	for _, step := range append(steps(pointer), "properties") {
		i := slices.IndexFunc(node.Content, func(key *yaml.Node) bool { return key.Value == step })
		require.GreaterOrEqual(c.t, i, 0, "%s: there is no %s", pointer, step)
		if node = node.Content[i+1]; node.Kind == yaml.AliasNode {
			node = node.Alias
		}
	}
	for i := 0; i < len(node.Content); i += 2 {
		names = append(names, node.Content[i].Value)
	}
	return names
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

// eventTypes returns the types of events in the document, and the names of their messages.
func (c *contract) eventTypes() map[string]string {
	c.t.Helper()
	types := make(map[string]string)
	messages, _ := c.at("channels", "clients", "messages")
	for name := range messages {
		message, _ := c.at("channels", "clients", "messages", name)
		types[message["name"].(string)] = name
	}
	return types
}

// validEvent requires that a stored message is an event of the AsyncAPI document, and has no headers and attributes that
// are not in it.
func (c *contract) validEvent(m event) {
	c.t.Helper()
	kind := m.header.Get("ce-type")
	name, known := c.eventTypes()[kind]
	require.True(c.t, known, "%s is not in the document", kind)
	schema, at := c.at("channels", "clients", "messages", name, "headers")
	headers := make(map[string]any)
	for name := range m.header {
		if strings.HasPrefix(name, "Nats-") && name != "Nats-Msg-Id" { // between the service and NATS
			continue
		}
		require.Contains(c.t, schema["properties"], name, kind)
		headers[name] = m.header.Get(name)
	}
	c.valid(at, headers, kind)
	require.Equal(c.t, checksum(m), m.header.Get("ce-checksum"))
	for _, name := range []string{"ce-actor", "ce-correlationid", "ce-causationid"} {
		require.Contains(c.t, headers, name)
	}
	schema, at = c.at("channels", "clients", "messages", name, "payload")
	c.validJSON(at, m.data, kind)
	for name := range fields(c.t, m.data) {
		require.Contains(c.t, schema["properties"], name, kind)
	}
}
