package eventstore

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLimitLogSummarizesWhatIsLoggedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := LimitLog(slog.New(slog.NewTextHandler(&out, nil))).With("stream", "CLIENTS")
		var group sync.WaitGroup
		for i := range 500 {
			group.Go(func() { log.Warn(fmt.Sprintf("foreign message: %d", i), "sequence", i) })
			group.Go(func() { log.Info("all of these") })
		}
		group.Wait()
		log.Error("another kind")
		lines := func(text string) int { return strings.Count(out.String(), text) }
		require.Equal(t, 10, lines("foreign message"))
		require.Equal(t, 500, lines("all of these"))
		require.Equal(t, 1, lines("another kind"))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 11, lines("foreign message"))
		require.Equal(t, 1, lines("suppressed=489"))
		require.Equal(t, 12, lines("stream=CLIENTS")-500)
		log.Warn("foreign message: 500")
		require.Equal(t, 12, lines("foreign message"), "the next minute")
		time.Sleep(time.Minute) // nothing is left to be told
		require.Equal(t, 12, lines("foreign message"))
	})
}
