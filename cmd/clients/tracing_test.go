package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
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

// named answers the spans of a trace by name.
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

func TestTracesGoThroughTheService(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "CLIENTS_LOG_LEVEL=info")
	made := p.want(201, "POST", "/clients", newClient, asXML, "Traceparent: 00-"+callersTrace+"-"+callersSpan+"-01")
	id := made.id(t)
	p.want(200, "GET", path(id), "", "Traceparent: 00-"+callersTrace+"-"+callersSpan+"-01")
	stream := newTap(t, p.natsURL)
	m := invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id)).message()
	m.Header.Set("traceparent", "00-"+othersTrace+"-"+callersSpan+"-01")
	stream.publish(m.Subject, m.Header, string(m.Data))
	p.want(400, "DELETE", path(id), "", "Traceparent: 00-"+callersTrace+"-"+callersSpan+"-01")

	var spans, others map[string]*otlp.Span
	eventually(t, "the spans arrive", func() bool {
		spans, others = c.of(callersTrace), c.of(othersTrace)
		return len(spans) >= 6 && len(others) >= 1
	})
	post := spans["POST /clients"]
	require.Equal(t, callersSpan, hex.EncodeToString(post.ParentSpanId))
	require.Equal(t, otlp.Span_SPAN_KIND_SERVER, post.Kind)
	require.Equal(t, post.SpanId, spans["publish CLIENTS"].ParentSpanId)
	require.Equal(t, spans["DELETE /clients/{id}"].SpanId, spans["await projects and invoices"].ParentSpanId)
	require.Contains(t, spans, "GET /clients/{id}")
	require.Contains(t, spans, "await the end of the stream")
	events := stream.messages()
	require.Equal(t, fmt.Sprintf("00-%s-%x-01", callersTrace, post.SpanId), events[0].header.Get("traceparent"))
	process := others["process INVOICES"]
	require.Equal(t, callersSpan, hex.EncodeToString(process.ParentSpanId))
	require.Equal(t, fmt.Sprintf("00-%s-%x-01", othersTrace, process.SpanId), events[1].header.Get("traceparent"))
	require.Contains(t, p.stderr.String(), `"trace_id":"`+callersTrace+`"`)
	for _, span := range spans {
		require.NotContains(t, span.String(), "SuprCorp", "nothing of the client is in a span")
	}
}

func TestACollectorThatIsNotThereHoldsUpNobody(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	c.Close()
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=10")
	for range 20 {
		begun := time.Now()
		p.named("SuprCorp")
		require.Less(t, time.Since(begun), 5*time.Second)
	}
	begun := time.Now()
	p.terminate(t)
	require.Zero(t, p.exitCode(t))
	require.Less(t, time.Since(begun), 10*time.Second)
	require.LessOrEqual(t, strings.Count(p.stderr.String(), "traces are lost"), 1)
}

// What OpenTelemetry has to say is in the log, and nowhere else.
func TestTracesAreLoggedAboutAsAllElse(t *testing.T) {
	t.Parallel()
	var out syncBuffer
	log := logr.FromSlogHandler(traceLog{slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})).Handler()})
	log.Error(errors.New("broken"), "an error", "key", "value")
	log.V(1).Info("a warning")
	log.V(4).Info("news")
	log.V(8).WithValues("key", "value").Info("details")
	told := lines(out.String())
	require.Len(t, told, 2, out.String())
	require.Contains(t, told[0], `"level":"ERROR","msg":"traces: an error","err":"broken","key":"value"`)
	require.Contains(t, told[1], `"level":"WARN","msg":"traces: a warning"`)

	c := collectTraces(t)
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=10", "CLIENTS_LOG_LEVEL=debug")
	p.named("SuprCorp")
	p.terminate(t)
	require.Contains(t, p.stderr.String(), `"msg":"traces: `, "it has something to say")
	for _, line := range lines(p.stderr.String()) {
		require.NotEmpty(t, fields(t, line)["msg"], line)
	}
}
