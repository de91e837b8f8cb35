package loglimit_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clients/eventstore/loglimit"

	"github.com/stretchr/testify/require"
)

func TestNewLimitsTheLinesOfAKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		log := loglimit.New(slog.New(slog.NewTextHandler(&out, nil))).With("stream", "CLIENTS")
		var group sync.WaitGroup
		for i := range 500 {
			group.Go(func() { log.Warn(fmt.Sprintf("foreign message: %d", i), "sequence", i) })
			group.Go(func() { log.Info("all of these") })
		}
		group.Wait()
		log.Error("another kind")
		lines := func(text string) int { return strings.Count(out.String(), text) }
		require.Equal(t, 100, lines("foreign message"))
		require.Equal(t, 500, lines("all of these"))
		require.Equal(t, 1, lines("another kind"))
		require.Equal(t, 101, lines("stream=CLIENTS")-500)
		time.Sleep(time.Second)
		log.Warn("foreign message: 500")
		require.Equal(t, 101, lines("foreign message"))
		require.Equal(t, 1, lines("suppressed=400"))
		time.Sleep(time.Minute)
		log.Warn("foreign message: 501")
		require.Equal(t, 102, lines("foreign message"))
		require.Equal(t, 1, lines("suppressed="), "none since")
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
