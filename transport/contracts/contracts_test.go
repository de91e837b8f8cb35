package contracts_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"

	"clients/transport/contracts"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestOpenAPIIsWellFormed(t *testing.T) {
	schema, err := os.Open("testdata/openapi-3.1.json")
	require.NoError(t, err)
	defer schema.Close()
	require.NoError(t, validate(t, schema, contracts.OpenAPI))
	require.Error(t, validate(t, reopened(t, schema), bytes.Replace(contracts.OpenAPI, []byte("\npaths:"), []byte("\npathes:"), 1)))
}

func TestAsyncAPIIsWellFormed(t *testing.T) {
	schema, err := os.Open("testdata/asyncapi-3.0.json.gz")
	require.NoError(t, err)
	defer schema.Close()
	plain, err := gzip.NewReader(schema)
	require.NoError(t, err)
	require.NoError(t, validate(t, plain, contracts.AsyncAPI))
	plain, err = gzip.NewReader(reopened(t, schema))
	require.NoError(t, err)
	require.Error(t, validate(t, plain, bytes.Replace(contracts.AsyncAPI, []byte("\noperations:"), []byte("\noperation:"), 1)))
}

func reopened(t *testing.T, file *os.File) *os.File {
	t.Helper()
	_, err := file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	return file
}

// validate validates a document by the schema of its specification.
func validate(t *testing.T, schema io.Reader, document []byte) error {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(schema)
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("specification.json", parsed))
	compiled, err := compiler.Compile("specification.json")
	require.NoError(t, err)
	var content any
	require.NoError(t, yaml.Unmarshal(document, &content))
	text, err := json.Marshal(content)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return compiled.Validate(value)
}
