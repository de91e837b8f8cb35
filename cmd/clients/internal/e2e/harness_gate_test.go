package e2e_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is a proxy between one replica and a NATS server. Armed with texts, it holds everything to the server after the replica
// has sent the texts in this order. So a request is held up at exactly one of its steps, as by a slow link.
type gate struct {
	url     string
	address string // of the server

	mu      sync.Mutex
	texts   []string      // that have yet to be met
	reached chan struct{} // closed when all were met
	opened  chan struct{} // closed when everything may pass
}

func newGate(t *testing.T, server string) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	g := &gate{url: "nats://" + listener.Addr().String(), address: strings.TrimPrefix(server, "nats://")}
	g.open()
	t.Cleanup(g.open)
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go g.join(near)
		}
	}()
	return g
}

// arm closes the gate when the replica has sent texts. The channel is closed then.
func (g *gate) arm(texts ...string) (reached <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.texts, g.reached, g.opened = texts, make(chan struct{}), make(chan struct{})
	return g.reached
}

// open releases the held data and lets everything through afterwards.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
	g.texts = nil
}

// split returns how many bytes of sent pass: all, or those in front of the last text if that is met, or none after it.
// What precedes the last text must arrive, even if the replica wrote both at once.
func (g *gate) split(sent []byte) (pass int, opened <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.texts) == 0 { // after the last text, or not armed
		return 0, g.opened
	}
	for met := 0; len(g.texts) > 0; {
		at := bytes.Index(sent[met:], []byte(g.texts[0]))
		if at < 0 {
			return len(sent), nil
		}
		pass, met, g.texts = met+at, met+at+1, g.texts[1:]
	}
	close(g.reached)
	return pass, g.opened
}

func (g *gate) join(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", g.address)
	if err != nil {
		return
	}
	defer far.Close()
	go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := near.Read(buffer)
		if err != nil {
			return
		}
		pass, opened := g.split(buffer[:n])
		if _, err := far.Write(buffer[:pass]); err != nil {
			return
		}
		if opened != nil {
			<-opened
		}
		if _, err := far.Write(buffer[pass:n]); err != nil {
			return
		}
	}
}
