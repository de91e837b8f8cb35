package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Some callers close their side of the connection as soon as they have said all, and still wait for the answer.
func TestACallerWhoHasSaidAllStillGetsHisAnswer(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for range 10 {
		for call, want := range map[string]int{
			"POST /clients?client[name]=New": http.StatusCreated,
			"PUT " + path(id):                http.StatusOK,
			"POST /clients/999999/toggle":    http.StatusNotFound,
			"GET " + path(id):                http.StatusOK,
		} {
			conn, err := net.Dial("tcp", a.apiAddr())
			require.NoError(t, err)
			_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", call)
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, call)
			require.Equal(t, want, response.StatusCode, call)
			require.Empty(t, response.Header.Get("Warning"), call)
			require.NoError(t, conn.Close())
		}
	}
}
