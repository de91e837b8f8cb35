package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProgressIsDrawnAndTakenAway(t *testing.T) {
	t.Parallel()
	var screen syncBuffer
	p := newProgress(&screen, 1000)
	p.reach(1000)
	p.clear()
	require.Empty(t, screen.String(), "no terminal, no bar")

	p.w = &screen
	for done := range uint64(1001) {
		p.reach(done)
	}
	p.clear()
	drawn := strings.Split(screen.String(), "\r\x1b[K")
	require.Less(t, len(drawn), 30, "not at each step")
	require.Contains(t, drawn[1], "0% ["+strings.Repeat(" ", progressWidth)+"] 0/1000")
	require.Contains(t, drawn[len(drawn)-2], "100% ["+strings.Repeat("=", progressWidth)+"] 1000/1000")
	require.Empty(t, drawn[len(drawn)-1], "the line is free")
	p.clear()
	require.Len(t, strings.Split(screen.String(), "\r\x1b[K"), len(drawn), "there is nothing more to take away")

	p = newProgress(&screen, 0)
	p.w = &screen
	p.reach(0)
	require.Contains(t, screen.String(), "0/0")
}
