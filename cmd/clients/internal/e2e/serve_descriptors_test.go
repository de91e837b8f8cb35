package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limited returns a program that is the service with a number of file descriptors.
func limited(t *testing.T, descriptors int) string {
	t.Helper()
	return script(t, fmt.Sprintf(`ulimit -n %d && exec '%s' "$@"`, descriptors, binary))
}

func TestIdleConnectionsDoNotUseUpTheDescriptors(t *testing.T) {
	t.Parallel()
	certificate, trust := certificate(t)
	begun := map[string]string{
		"nothing":            "",
		"half a header":      "GET /clients HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
		"half a body":        "POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n<client>",
		"half a handshake":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"requests in a row":  strings.Repeat("GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n", 10),
		"a wrong login only": "GET /clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YW5uYTp3cm9uZw==\r\n\r\n",
	}
	for name, variables := range map[string][]string{
		"with logins": {logins(t)}, "with logins over TLS": append(certificate, logins(t)), "without logins": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launchProgram(t, limited(t, 300), append(variables, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_DATA_DIR="+filepath.Join(t.TempDir(), "data"))...)
			s.awaitReady(t)
			c := s.client.on(t).as("anna:secret").trusting(t, trust)
			var dials int
			c.http.Transport.(*http.Transport).DialContext = counting(&dials)
			c.create("SuprCorp") // on a connection that stays
			for what, text := range begun {
				if variables == nil && what != "nothing" && what != "requests in a row" {
					continue // without logins a request under way is not cut off
				}
				for range 200 {
					conn := dial(t, s.base)
					_, _ = conn.Write([]byte(text)) // it may be closed already
				}
				begun := time.Now()
				newcomer := s.client.on(t).as("anna:secret").trusting(t, trust)
				newcomer.create("Newcomer")
				require.Less(t, time.Since(begun), 8*time.Second, what) // idle ones live for 10 s
			}
			for range 40 {
				dial(t, s.ops)
			}
			require.Equal(t, http.StatusOK, s.at(s.ops).on(t).do(http.MethodGet, "/readyz", "").status)
			c.create("SuprCorp")
			if variables != nil {
				require.Equal(t, 1, dials, "the connection that has logged in is still open")
			}
		})
	}
}
