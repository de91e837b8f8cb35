// Package contracts holds what other teams build on, for machines to read: the API as OpenAPI 3.1, and the events that the
// service sends and reads as AsyncAPI 3.0. Tests hold both against what the service really does.
package contracts

import _ "embed"

// OpenAPI describes the HTTP API, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// AsyncAPI describes the events, in YAML.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte
