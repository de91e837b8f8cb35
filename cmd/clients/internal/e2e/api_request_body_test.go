package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const mebibyte = 1 << 20

// padded is a client in XML of exactly size bytes.
func padded(size int) string {
	const document = "<client><name>SuprCorp</name></client>"
	return document + strings.Repeat(" ", size-len(document))
}

func TestALengthBesideATransferEncodingEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = "<client><name>A</name></client>"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for _, request := range []string{
		"POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"POST /clients HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunked,
		"POST /clients HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 31\r\n\r\n" + body,
	} {
		w := dial(t, s.base)
		w.write(request + "GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n")
		r := w.read()
		require.Equal(t, http.StatusCreated, r.status, "%s: %s", request, r.body)
		w.requireClosed()
	}
	t.Run("a length alone and HTTP/1.0 with keep-alive do not", func(t *testing.T) {
		t.Parallel()
		w := dial(t, s.base)
		for range 2 {
			w.write("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 31\r\n\r\n" + body)
			require.Equal(t, http.StatusCreated, w.read().status)
			w.write("GET /clients HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
			require.Equal(t, http.StatusOK, w.read().status)
		}
	})
}

func TestABodyBeyondTheLimitIsRefusedByItsLength(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	s.want(http.StatusCreated, http.MethodPost, "/clients", padded(mebibyte), asXML)
	for _, call := range []string{"POST /clients", "PUT " + path(id)} {
		w := dial(t, s.base)
		w.write(call + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n")
		r := w.read() // and not 100
		require.Equal(t, http.StatusRequestEntityTooLarge, r.status, call)
		require.NotEmpty(t, r.message(t))
		w.requireClosed()
	}
	t.Run("100 Continue for a body within the limit", func(t *testing.T) {
		t.Parallel()
		w := dial(t, s.base)
		w.write("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nExpect: 100-continue\r\nContent-Length: 1048576\r\n\r\n")
		require.Equal(t, http.StatusContinue, w.read().status)
		w.write(padded(mebibyte))
		require.Equal(t, http.StatusCreated, w.read().status)
	})
	for name, headers := range map[string]string{
		"with its length": "Content-Length: 8388608\r\n\r\n",
		"in chunks":       "Transfer-Encoding: chunked\r\n\r\n800000\r\n",
	} {
		t.Run("a caller that sends all before it reads gets the response, "+name, func(t *testing.T) {
			for _, call := range []string{"POST /clients", "PUT " + path(id), "POST " + path(id) + "/toggle", "GET /clients"} {
				w := dial(t, s.base)
				w.write(call + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n" + headers)
				for range 8 {
					w.write(strings.Repeat(" ", mebibyte))
				}
				if name == "in chunks" {
					w.write("\r\n0\r\n\r\n")
				}
				require.Equal(t, http.StatusRequestEntityTooLarge, w.read().status, call)
				w.requireClosed()
			}
		})
	}
	require.Equal(t, true, s.attributes(id)["active"], "nothing that was refused was carried out")
}

// A caller that waits for 100 Continue does not send the body of a refused request, however small it would be.
func TestARefusalInsteadOf100ContinueEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	for call, want := range map[string]int{"PATCH /clients": http.StatusMethodNotAllowed, "POST /nothing": http.StatusNotFound} {
		begun := time.Now()
		w := dial(t, s.base)
		w.write(call + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
		require.Equal(t, want, w.read().status, call)
		w.requireClosed()
		require.Less(t, time.Since(begun), 10*time.Second)
	}
}

// Many libraries send a request without its login first and repeat it after the challenge.
func TestAChallengeKeepsTheConnection(t *testing.T) {
	t.Parallel()
	variables, trust := certificate(t)
	s := start(t, append(variables, logins(t))...)
	for name, expect := range map[string]string{"at once": "", "with 100 Continue": "Expect: 100-continue\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := tls.Dial("tcp", strings.TrimPrefix(s.base, "https://"), trust)
			require.NoError(t, err)
			w := onConn(t, conn)
			for _, c := range []struct {
				login string
				want  int
			}{{"", http.StatusUnauthorized}, {"Authorization: Basic YW5uYTp3cm9uZw==\r\n", http.StatusUnauthorized}, {"Authorization: Basic YW5uYTpzZWNyZXQ=\r\n", http.StatusCreated}} {
				w.write("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nContent-Length: 1048576\r\n" + expect + c.login + "\r\n")
				if expect != "" {
					require.Equal(t, http.StatusContinue, w.read().status)
				}
				w.write(padded(mebibyte))
				require.Equal(t, c.want, w.read().status)
			}
		})
	}
	t.Run("of an HTTP library", func(t *testing.T) {
		t.Parallel()
		c := s.client.on(t).trusting(t, trust)
		dialed := 0
		transport := c.http.Transport.(*http.Transport)
		transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialed++
			return (&tls.Dialer{Config: trust}).DialContext(ctx, network, addr)
		}
		for range 3 {
			require.NotEmpty(t, c.want(http.StatusUnauthorized, http.MethodPost, "/clients", padded(mebibyte), asXML).header["Www-Authenticate"])
			c.as("anna:secret").want(http.StatusCreated, http.MethodPost, "/clients", padded(mebibyte), asXML)
		}
		require.Equal(t, 1, dialed)
	})
	t.Run("not behind a body beyond the limit", func(t *testing.T) {
		t.Parallel()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.base, "https://"), trust)
		require.NoError(t, err)
		w := onConn(t, conn)
		w.write("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3145728\r\n\r\n")
		_, err = io.Copy(w, strings.NewReader(padded(3*mebibyte)))
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, w.read().status)
		w.requireClosed()
	})
}
