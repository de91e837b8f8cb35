package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// traceWords are the variables of OpenTelemetry that take one of few words: traces go by OTLP over HTTP, in protobuf, with
// W3C trace context, and there is nothing else.
var traceWords = []struct {
	variable string
	words    []string
}{
	{"OTEL_SDK_DISABLED", []string{"true", "false"}},
	{"OTEL_TRACES_EXPORTER", []string{"otlp", "none"}},
	{"OTEL_TRACES_SAMPLER", []string{
		"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", []string{"http/protobuf"}},
	{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", []string{"http/protobuf"}},
	{"OTEL_EXPORTER_OTLP_COMPRESSION", []string{"gzip", "none"}},
	{"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", []string{"gzip", "none"}},
	{"OTEL_EXPORTER_OTLP_INSECURE", []string{"true", "false"}},
	{"OTEL_EXPORTER_OTLP_TRACES_INSECURE", []string{"true", "false"}},
}

// traceNumbers are those that take a whole number, with the least that makes sense. -1 is for no limit.
var traceNumbers = []struct {
	variable string
	least    int
}{
	{"OTEL_EXPORTER_OTLP_TIMEOUT", 1},
	{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 1},
	{"OTEL_BSP_SCHEDULE_DELAY", 1},
	{"OTEL_BSP_EXPORT_TIMEOUT", 1},
	{"OTEL_BSP_MAX_QUEUE_SIZE", 1},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1},
	{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1},
	{"OTEL_ATTRIBUTE_COUNT_LIMIT", -1},
	{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1},
	{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", -1},
	{"OTEL_SPAN_EVENT_COUNT_LIMIT", -1},
	{"OTEL_SPAN_LINK_COUNT_LIMIT", -1},
	{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", -1},
	{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", -1},
}

// traced reports whether the standard variables of OpenTelemetry ask for traces, and notes what is wrong with each of them
// that is read: OpenTelemetry itself would go on with its defaults.
func (f *settingFaults) traced() bool {
	for _, v := range traceWords {
		if value := os.Getenv(v.variable); value != "" {
			f.oneOf(v.variable, value, v.words...)
		}
	}
	for _, v := range traceNumbers {
		value := os.Getenv(v.variable)
		if n, err := strconv.Atoi(value); value != "" && (err != nil || n < v.least) {
			f.add(v.variable, "%q is not a whole number from %d", value, v.least)
		}
	}
	ratio := os.Getenv("OTEL_TRACES_SAMPLER_ARG")
	if share, err := strconv.ParseFloat(ratio, 64); ratio != "" && (err != nil || !(share >= 0 && share <= 1)) {
		f.add("OTEL_TRACES_SAMPLER_ARG", "%q is not a number between 0 and 1", ratio)
	}
	for name := range strings.SplitSeq(cmp.Or(os.Getenv("OTEL_PROPAGATORS"), "tracecontext"), ",") {
		if name := strings.TrimSpace(name); name != "tracecontext" && name != "baggage" {
			f.add("OTEL_PROPAGATORS", "%q is none of: tracecontext, baggage", name)
		}
	}
	f.tracePairs("OTEL_RESOURCE_ATTRIBUTES", func(name string) bool { return name != "" })
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} {
		f.tracePairs(prefix+"HEADERS", httpguts.ValidHeaderFieldName)
		f.traceFiles(prefix)
	}
	wanted := f.traceEndpoint("OTEL_EXPORTER_OTLP_ENDPOINT")
	wanted = f.traceEndpoint("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || wanted
	return wanted && os.Getenv("OTEL_TRACES_EXPORTER") != "none" && os.Getenv("OTEL_SDK_DISABLED") != "true"
}

// traceEndpoint reports whether a variable names a collector.
func (f *settingFaults) traceEndpoint(variable string) bool {
	value := os.Getenv(variable)
	u, err := url.Parse(value)
	if value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		f.add(variable, "is not the URL of a collector, as http://127.0.0.1:4318")
	}
	return value != ""
}

// tracePairs reads name=value,name=value. It shows nothing of a pair that is wrong: that may be a password.
func (f *settingFaults) tracePairs(variable string, isName func(string) bool) {
	value := os.Getenv(variable)
	if value == "" {
		return
	}
	pairs := strings.Split(value, ",")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		_, err := url.PathUnescape(value)
		if !found || err != nil || !isName(strings.TrimSpace(name)) {
			f.add(variable, "pair %d of %d is not name=value with the value percent-encoded", i+1, len(pairs))
		}
	}
}

// traceFiles reads what the connection to the collector is secured with.
func (f *settingFaults) traceFiles(prefix string) {
	if path := os.Getenv(prefix + "CERTIFICATE"); path != "" && f.readable(prefix+"CERTIFICATE", path) {
		content, _ := os.ReadFile(path)
		if !x509.NewCertPool().AppendCertsFromPEM(content) {
			f.add(prefix+"CERTIFICATE", "%s holds no certificate", path)
		}
	}
	certificate, key := prefix+"CLIENT_CERTIFICATE", prefix+"CLIENT_KEY"
	cert, secret := os.Getenv(certificate), os.Getenv(key)
	switch {
	case cert == "" && secret == "":
	case secret == "":
		f.add(certificate, "goes with %s, which is not set", key)
	case cert == "":
		f.add(key, "goes with %s, which is not set", certificate)
	default:
		certRead, keyRead := f.readable(certificate, cert), f.readable(key, secret)
		if _, err := tls.LoadX509KeyPair(cert, secret); certRead && keyRead && err != nil {
			f.add(certificate, "with %s: %v", key, err)
		}
	}
}
