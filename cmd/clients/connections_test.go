package main

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConnectionsLeaveDescriptorsForEverythingElse(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	const spare = 20
	listener := sparing(inner, keptDescriptors+spare)
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 2*spare)
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			accepted <- conn
		}
	}()
	for range spare + 1 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	var first net.Conn
	for range spare {
		first = <-accepted
	}
	select {
	case <-accepted:
		require.Fail(t, "one too many")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, first.Close())
	require.NoError(t, (<-accepted).Close(), "as soon as one ends")
	require.Greater(t, descriptors(), uint64(keptDescriptors))
}
