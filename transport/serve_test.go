package transport

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/domain/command"
	"clients/projections/readmodel"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// broken panics wherever it is asked.
type broken struct{}

func (broken) Handle(context.Context, command.Request) (command.Result, error) { panic("broken") }
func (broken) Client(string, int64) (domain.Client, bool)                      { panic("broken") }
func (broken) List(string) readmodel.Listing                                   { panic("broken") }
func (broken) UpdatedSince(string, time.Time) readmodel.Listing                { panic("broken") }
func (broken) Refresh(context.Context) error                                   { return nil }

func serveBroken(t *testing.T, log io.Writer) *httptest.Server {
	t.Helper()
	api := API{Commands: broken{}, Directory: broken{}, Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.NewTextHandler(log, nil))}
	handler, err := api.Handler()
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestAPanicIsAnsweredAndNothingInternalIsTold(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := serveBroken(t, &log)
	for _, call := range []string{"GET /clients", "GET /clients/1", "GET /clients?updated_since=2020-01-01", "DELETE /clients/1"} {
		method, path, _ := strings.Cut(call, " ")
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err, call)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusInternalServerError, response.StatusCode, call)
		require.Contains(t, string(body), "<message>Something went wrong on our side.</message>")
		require.NotContains(t, string(body), "broken")
	}
	server.Close()
	require.Equal(t, 4, strings.Count(log.String(), "msg=panic"))
	require.Equal(t, 4, strings.Count(log.String(), "msg=request method"), "and in the access log")
}

// Half an answer must not look like a whole one.
func TestAPanicInTheMiddleOfAnAnswerCutsItOff(t *testing.T) {
	t.Parallel()
	api := API{Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := api.begin(w, r)
		defer api.end(&x.w, &x.r)
		_, _ = x.w.Write([]byte("<clients>"))
		panic("broken")
	}))
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL)
	if err == nil {
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
	}
	require.Error(t, err)
}

func TestAServerBoundsHowLongAndHowMuchItListens(t *testing.T) {
	t.Parallel()
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"headers": s.ReadHeaderTimeout, "request": s.ReadTimeout, "answer": s.WriteTimeout, "idle connection": s.IdleTimeout,
	} {
		require.Positive(t, limit, name)
		require.LessOrEqual(t, limit, 2*time.Minute, name)
	}
	require.Positive(t, s.MaxHeaderBytes)
	require.LessOrEqual(t, s.MaxHeaderBytes, 64<<10)
}
