package e2e_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// staticVariable names a file. With it the test binary is a server that returns the file's content.
const staticVariable = "E2E_STATIC_CONTENT"

// startStatic runs a process with a net/http handler that returns content from memory and writes the line of the access log
// that the service writes.
func startStatic(b *testing.B, content string) *service {
	b.Helper()
	file := filepath.Join(b.TempDir(), "content")
	require.NoError(b, os.WriteFile(file, []byte(content), 0o600))
	s := launchProgram(b, os.Args[0], staticVariable+"="+file)
	eventually(b, func() bool { return strings.HasSuffix(s.stdout.String(), "\n") }, "the static server listens")
	s.client = newClient(b, strings.TrimSpace(s.stdout.String()))
	return s
}

// serveStatic does not return if startStatic started the test binary.
func serveStatic() {
	file := os.Getenv(staticVariable)
	if file == "" {
		return
	}
	content, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		n, _ := w.Write(content)
		log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", http.StatusOK),
			slog.Int("bytes", n), slog.Duration("duration", time.Since(begun)), slog.String("request_id", uuid.NewString()),
			slog.String("account", "default"), slog.String("actor", "anonymous"), slog.String("remote", r.RemoteAddr))
	})))
}
