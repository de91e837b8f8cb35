package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHeadersThatAreTooLongAreRefused(t *testing.T) {
	t.Parallel()
	a := launch(t)
	conn, err := net.Dial("tcp", a.apiAddr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /clients HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 48<<10))
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	a.want(200, "GET", "/clients", "")
}

// Who sends his headers drop by drop does not hold a connection for long.
func TestHeadersThatDoNotEndAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	a := launch(t)
	conn, err := net.Dial("tcp", a.apiAddr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprint(conn, "GET /clients HTTP/1.1\r\nHost: x\r\n")
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, conn.SetReadDeadline(begun.Add(patience)))
	_, _ = bufio.NewReader(conn).ReadString(0)
	require.Less(t, time.Since(begun), 15*time.Second)
}
