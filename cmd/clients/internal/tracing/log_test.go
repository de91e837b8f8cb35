package tracing

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
)

func TestWhatOpenTelemetryReportsIsLogged(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := logr.FromSlogHandler(handler{slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})).Handler()})
	log.Error(errors.New("broken"), "an error", "key", "value")
	log.V(1).Info("a warning")
	log.V(4).Info("news")
	log.V(8).WithValues("key", "value").Info("details")
	logged := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, logged, 2, out.String())
	require.Contains(t, logged[0], `"level":"ERROR","msg":"traces: an error","err":"broken","key":"value"`)
	require.Contains(t, logged[1], `"level":"WARN","msg":"traces: a warning"`)
}
