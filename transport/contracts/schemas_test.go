package contracts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"io/fs"
	"strings"
	"testing"

	"clients/transport/contracts"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// asyncMessage is a message of the AsyncAPI document.
type asyncMessage struct {
	Name             string
	Headers, Payload struct {
		Ref string `yaml:"$ref"`
	}
	Examples []struct {
		Summary string
		Headers map[string]string
		Payload yaml.Node
	}
}

func asyncMessages(t *testing.T) map[string]asyncMessage {
	t.Helper()
	var document struct {
		Components struct{ Messages map[string]asyncMessage }
	}
	require.NoError(t, yaml.Unmarshal(contracts.AsyncAPI, &document))
	return document.Components.Messages
}

// schemas returns a compiler that knows each schema by its path.
func schemas(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, fs.WalkDir(contracts.Schemas, "schemas", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := contracts.Schemas.ReadFile(path)
		require.NoError(t, err)
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		require.NoError(t, err, path)
		require.NotContains(t, schema, "additionalProperties", "%s: version 1 may get further attributes", path)
		return compiler.AddResource(path, schema)
	}))
	return compiler
}

// Each message has examples, which are valid by its schemas, and whose checksums are right.
func TestExamplesOfEventsAreValid(t *testing.T) {
	compiler, used := schemas(t), map[string]bool{}
	for name, message := range asyncMessages(t) {
		headers, err := compiler.Compile(message.Headers.Ref)
		require.NoError(t, err, name)
		payload, err := compiler.Compile(message.Payload.Ref)
		require.NoError(t, err, name)
		require.Equal(t, "schemas/"+message.Name+".json", message.Payload.Ref)
		used[message.Headers.Ref], used[message.Payload.Ref] = true, true
		require.NotEmpty(t, message.Examples, name)
		for _, example := range message.Examples {
			body := compact(t, &example.Payload)
			data, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
			require.NoError(t, err, body)
			require.NoError(t, payload.Validate(data), name)
			given := make(map[string]any)
			for header, value := range example.Headers {
				given[header] = value
			}
			require.NoError(t, headers.Validate(given), name)
			require.Equal(t, message.Name, example.Headers["ce-type"])
			if stated, there := example.Headers["ce-checksum"]; there {
				subject, _, _ := strings.Cut(strings.TrimPrefix(example.Summary, "On "), ". ")
				h := example.Headers
				covered := strings.Join([]string{subject, h["ce-id"], h["ce-type"], h["ce-clientversion"], h["ce-time"], body, ""}, "\x00")
				require.Equal(t, fmt.Sprintf("%016x", crc64.Checksum([]byte(covered), crc64.MakeTable(crc64.ECMA))), stated, name)
				require.NotEmpty(t, h["ce-actor"])
			}
		}
	}
	files, err := fs.Glob(contracts.Schemas, "schemas/*")
	require.NoError(t, err)
	require.Len(t, used, len(files), "each schema belongs to a message")
}

// compact returns a mapping as JSON on one line, in its order, as the service stores it.
func compact(t *testing.T, mapping *yaml.Node) string {
	t.Helper()
	var members []string
	for i := 0; i < len(mapping.Content); i += 2 {
		var value any
		require.NoError(t, mapping.Content[i+1].Decode(&value))
		text, err := json.Marshal(value)
		require.NoError(t, err)
		members = append(members, fmt.Sprintf("%q:%s", mapping.Content[i].Value, text))
	}
	return "{" + strings.Join(members, ",") + "}"
}
