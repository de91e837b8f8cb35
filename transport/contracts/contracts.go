// Package contracts holds what other teams build on, for machines to read: the API as OpenAPI 3.1, and the events that the
// service sends and reads as AsyncAPI 3.0 and JSON Schema. Tests hold all of it against what the service really does.
package contracts

import "embed"

// OpenAPI describes the HTTP API, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Events describes the events for people, in Markdown.
//
//go:embed EVENTS.md
var Events []byte

// AsyncAPI describes the events, in YAML. It refers to Events and to Schemas.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte

// Schemas has the JSON Schema of the data of each type of event, as schemas/<type>.json, and those of their headers. The
// version of a schema is part of its name.
//
//go:embed schemas
var Schemas embed.FS
