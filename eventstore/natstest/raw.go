package natstest

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// PublishRaw publishes a message whose headers are sent unchanged, as a faulty client might send them. It returns when the
// server has processed the message. The URL may contain a login.
func PublishRaw(t testing.TB, server, subject, header, body string) {
	t.Helper()
	at, err := url.Parse(server)
	require.NoError(t, err)
	password, _ := at.User.Password()
	conn, err := net.DialTimeout("tcp", at.Host, 5*time.Second)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"user\":%q,\"pass\":%q}\r\nHPUB %s %d %d\r\n%s%s\r\nPING\r\n",
		at.User.Username(), password, subject, len(header), len(header)+len(body), header, body)
	require.NoError(t, err)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if lines.Text() == "PONG" {
			return
		}
		require.NotContains(t, lines.Text(), "-ERR")
	}
	t.Fatal("the server closed the connection")
}
