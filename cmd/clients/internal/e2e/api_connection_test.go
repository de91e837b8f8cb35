package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Some callers close their side of the connection as soon as they have sent the request, and still wait for the response.
func TestACallerThatClosedItsSideReceivesTheResponse(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	for range 10 {
		for request, want := range map[string]int{
			"POST /clients?client[name]=New": http.StatusCreated,
			"PUT " + path(id):                http.StatusOK,
			"POST /clients/999999999/toggle": http.StatusNotFound,
			"GET " + path(id):                http.StatusOK,
		} {
			w := dial(t, a.base)
			w.write(fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost\r\n%s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", request, a.authorization()))
			require.NoError(t, w.Conn.(*net.TCPConn).CloseWrite())
			r := w.read()
			require.Equal(t, want, r.status, request)
			require.Empty(t, r.header.Get("Warning"), request)
		}
	}
}
