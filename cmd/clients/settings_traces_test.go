package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultyTraces are settings of traces that cannot be, each with a value. Without the check OpenTelemetry would go on with its
// defaults.
var faultyTraces = map[string]string{
	"OTEL_SDK_DISABLED":                            "maybe",
	"OTEL_TRACES_EXPORTER":                         "zipkin",
	"OTEL_TRACES_SAMPLER":                          "bogus",
	"OTEL_TRACES_SAMPLER_ARG":                      "7",
	"OTEL_PROPAGATORS":                             "tracecontext,b3",
	"OTEL_RESOURCE_ATTRIBUTES":                     "team=crm,secret",
	"OTEL_EXPORTER_OTLP_ENDPOINT":                  "collector:4317",
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":           "grpc://collector:4317",
	"OTEL_EXPORTER_OTLP_PROTOCOL":                  "grpc",
	"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL":           "http/json",
	"OTEL_EXPORTER_OTLP_TIMEOUT":                   "abc",
	"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT":            "0",
	"OTEL_EXPORTER_OTLP_COMPRESSION":               "zstd",
	"OTEL_EXPORTER_OTLP_INSECURE":                  "perhaps",
	"OTEL_EXPORTER_OTLP_HEADERS":                   "authorization: secret",
	"OTEL_EXPORTER_OTLP_TRACES_HEADERS":            "authorization=secret%",
	"OTEL_EXPORTER_OTLP_CERTIFICATE":               os.DevNull,
	"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE":        "/nowhere/cert.pem", // without its key
	"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY":         "/nowhere/key.pem",  // without its certificate
	"OTEL_BSP_SCHEDULE_DELAY":                      "5s",
	"OTEL_BSP_MAX_QUEUE_SIZE":                      "-1",
	"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT":       "-2",
	"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE":        "/nowhere/ca.pem",
	"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION":        "br",
	"OTEL_EXPORTER_OTLP_TRACES_INSECURE":           "1",
	"OTEL_BSP_EXPORT_TIMEOUT":                      "",
	"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "",
}

func TestSettingsOfTracesThatAreWrongAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	variables, wrong := []string{"CLIENTS_DATA_DIR=" + dir, "CLIENTS_LOG_LEVEL=loud"}, []string{"CLIENTS_LOG_LEVEL"}
	for _, variable := range slices.Sorted(maps.Keys(faultyTraces)) {
		variables = append(variables, variable+"="+faultyTraces[variable])
		if faultyTraces[variable] != "" { // else it is as good as not set
			wrong = append(wrong, variable)
		}
	}
	p := execute(t, nil, variables...)
	require.Equal(t, 2, p.exitCode(t))
	require.Len(t, lines(p.stderr.String()), len(wrong), "one line each: %s", &p.stderr)
	for _, variable := range wrong {
		require.Equal(t, 1, strings.Count(p.stderr.String(), "error: "+variable+": "), variable)
	}
	require.NotContains(t, p.stderr.String(), "secret")
	require.NoDirExists(t, dir, "nothing is touched")
}

func TestSettingsOfTracesThatAreRight(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_EXPORTER_OTLP_TIMEOUT=1000", "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20x,x-team=crm",
		"OTEL_RESOURCE_ATTRIBUTES=team=crm,place=a%2Cb", "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
		"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=-1", "OTEL_TRACES_EXPORTER=otlp", "OTEL_PROPAGATORS=tracecontext,baggage", "OTEL_SERVICE_NAME=crm")
	p.named("SuprCorp")
	p.terminate(t)
	require.Zero(t, p.exitCode(t))
	require.Empty(t, p.stderr.String())
}
