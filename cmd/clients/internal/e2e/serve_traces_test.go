package e2e_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector.
type traces struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
}

func collectTraces(t *testing.T) *traces {
	t.Helper()
	c := &traces{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// of returns the spans of a trace by name.
func (c *traces) of(trace string) map[string]*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	named := make(map[string]*otlp.Span)
	for _, span := range c.spans {
		if hex.EncodeToString(span.TraceId) == trace {
			named[span.Name] = span
		}
	}
	return named
}

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	othersTrace  = "1bf7651916cd43dd8448eb211c80319d"
)

func TestTracesContinueThroughTheService(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	s := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "CLIENTS_LOG_LEVEL=debug", "CLIENTS_LOG_FORMAT=json")
	const traceparent = "Traceparent: 00-" + callersTrace + "-" + callersSpan + "-01"
	id := s.want(201, "POST", "/clients", suprCorp, asXML, traceparent).id(t)
	s.want(200, "GET", path(id), "", traceparent)
	js := s.partner(t)
	publishEvent(t, js, "invoices.default.1", "invoices.v1.InvoiceCreated", fmt.Sprintf(`{"id":1,"client_id":%d,"kind":"task"}`, id),
		"traceparent: 00-"+othersTrace+"-"+callersSpan+"-01")
	s.want(400, "DELETE", path(id), "", traceparent)

	var spans, others map[string]*otlp.Span
	eventually(t, func() bool {
		spans, others = c.of(callersTrace), c.of(othersTrace)
		return len(spans) >= 6 && len(others) >= 1
	}, "the spans arrive")
	post := spans["POST /clients"]
	require.Equal(t, callersSpan, hex.EncodeToString(post.ParentSpanId))
	require.Equal(t, otlp.Span_SPAN_KIND_SERVER, post.Kind)
	require.Equal(t, post.SpanId, spans["publish CLIENTS"].ParentSpanId)
	require.Equal(t, spans["DELETE /clients/{id}"].SpanId, spans["await projects and invoices"].ParentSpanId)
	require.Contains(t, spans, "GET /clients/{id}")
	require.Contains(t, spans, "await the end of the stream")
	stored := events(t, js, "clients.>")
	require.Equal(t, fmt.Sprintf("00-%s-%x-01", callersTrace, post.SpanId), stored[0].header.Get("traceparent"))
	process := others["process INVOICES"]
	require.Equal(t, callersSpan, hex.EncodeToString(process.ParentSpanId))
	require.Equal(t, fmt.Sprintf("00-%s-%x-01", othersTrace, process.SpanId), stored[1].header.Get("traceparent"))
	for _, span := range spans {
		require.NotContains(t, span.String(), "SuprCorp", "nothing of the client is in a span")
	}
	require.Zero(t, s.stop(t))
	log := s.stderr.String()
	require.Contains(t, log, `"trace_id":"`+callersTrace+`"`)
	for _, line := range linesOf(log) {
		require.NotEmpty(t, fields(t, line)["msg"], line)
	}
}

func TestAnUnreachableCollectorDelaysNoRequest(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	c.Close()
	s := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=10")
	for range 20 {
		begun := time.Now()
		s.create("SuprCorp")
		require.Less(t, time.Since(begun), 5*time.Second)
	}
	begun := time.Now()
	require.Zero(t, s.stop(t))
	require.Less(t, time.Since(begun), 10*time.Second)
	require.LessOrEqual(t, strings.Count(s.stderr.String(), "traces lost"), 1)
}

// An invalid value is logged and its default used; with an unknown exporter the start fails.
func TestInvalidTraceSettingsAreReported(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	s := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_TIMEOUT=abc")
	require.Regexp(t, `level=WARN msg="traces: OpenTelemetry warning" details=.*parse duration`, s.stderr.String())
	s = launch(t, "OTEL_TRACES_EXPORTER=zipkin")
	require.Equal(t, 1, s.exitCode(t))
	require.Contains(t, s.stderr.String(), "error: start tracing: ")
}

func TestTraceSettingsOfAllKindsAreAccepted(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	s := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_EXPORTER_OTLP_TIMEOUT=1000", "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20x,x-team=crm",
		"OTEL_RESOURCE_ATTRIBUTES=team=crm,place=a%2Cb", "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
		"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=-1", "OTEL_TRACES_EXPORTER=otlp", "OTEL_PROPAGATORS=tracecontext,baggage", "OTEL_SERVICE_NAME=crm")
	s.create("SuprCorp")
	require.Zero(t, s.stop(t))
	require.Empty(t, s.stderr.String())
}
