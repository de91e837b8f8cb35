package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onScreen is a bar on a screen, with a clock that stands still unless it is put on.
func onScreen(total uint64, unit unit) (p *progress, screen *syncBuffer, clock *time.Time) {
	screen, clock = &syncBuffer{}, new(time.Unix(0, 0))
	p = newProgress(screen, total, unit)
	p.w, p.now = screen, func() time.Time { return *clock }
	return p, screen, clock
}

func drawings(screen *syncBuffer) []string { return strings.Split(screen.String(), "\r\x1b[K")[1:] }

func TestProgressIsDrawnAndTakenAway(t *testing.T) {
	t.Parallel()
	var nobody syncBuffer
	unseen := newProgress(&nobody, 1000, inMessages)
	unseen.reach(1000)
	unseen.clear()
	require.Empty(t, nobody.String(), "no terminal, no bar")

	p, screen, clock := onScreen(1000, inMessages)
	for done := range uint64(1001) {
		p.reach(done)
		*clock = clock.Add(5 * time.Millisecond)
	}
	p.reach(1000)
	p.clear()
	drawn := drawings(screen)
	require.Less(t, len(drawn), 60, "not at each step")
	require.Equal(t, "  0% ["+strings.Repeat(" ", progressWidth)+"] 0/1000 messages", drawn[0], "there is nothing to tell the time by")
	require.Equal(t, " 50% ["+strings.Repeat("=", 20)+strings.Repeat(" ", 20)+"] 500/1000 messages  200 messages/s  3s left", drawn[25])
	require.Equal(t, "100% ["+strings.Repeat("=", progressWidth)+"] 1000/1000 messages  200 messages/s  0s left", drawn[len(drawn)-2])
	require.Empty(t, drawn[len(drawn)-1], "the line is free")
	p.clear()
	require.Len(t, drawings(screen), len(drawn), "there is nothing more to take away")
}

// Offsets of a list or a file go up by any number of bytes, and what was found done is not counted as speed.
func TestProgressInBytes(t *testing.T) {
	t.Parallel()
	p, screen, clock := onScreen(3_000_000, inBytes)
	p.reach(1_000_001)
	*clock = clock.Add(2 * time.Second)
	p.reach(1_500_001)
	*clock = clock.Add(time.Second)
	p.reach(4_000_000)
	drawn := drawings(screen)
	require.Len(t, drawn, 3)
	require.True(t, strings.HasSuffix(drawn[0], "] 1.0/3.0 MB"), drawn[0])
	require.True(t, strings.HasSuffix(drawn[1], "] 1.5/3.0 MB  0.2 MB/s  6s left"), drawn[1])
	require.True(t, strings.HasSuffix(drawn[2], "] 4.0/3.0 MB  1.0 MB/s  0s left"), drawn[2])
	require.True(t, strings.HasPrefix(drawn[2], "100% ["))
}

func TestProgressGuessesNothing(t *testing.T) {
	t.Parallel()
	p, screen, clock := onScreen(1e9, inMessages)
	for _, done := range []uint64{1, 1, 2} {
		p.reach(done)
		*clock = clock.Add(10 * time.Second)
	}
	for _, drawn := range drawings(screen) {
		require.NotContains(t, drawn, "left")
	}
	p, screen, clock = onScreen(0, inBytes)
	p.reach(0)
	*clock = clock.Add(2 * time.Second)
	p.reach(5_000_000)
	require.Equal(t, []string{"0.0 MB", "5.0 MB  2.5 MB/s"}, drawings(screen), "no end is known")
}
