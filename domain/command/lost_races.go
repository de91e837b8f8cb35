package command

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxAttempts bounds how often a command that loses races is decided again. With the pauses between them that many take
// about as long as a command may take.
const maxAttempts = 56

// The pause after a lost race is random, below a bound that doubles with each loss up to a limit. On three servers an
// attempt takes a millisecond or two, and whoever has just won begins the next one as soon: replicas that all go on at
// once keep each other losing, and would use up their attempts in a moment.
const (
	firstLossPause   = 2 * time.Millisecond
	longestLossPause = 64 * time.Millisecond
)

// pauseAfterLoss waits before the attempt that follows so many losses, unless ctx ends first.
func pauseAfterLoss(ctx context.Context, losses int) {
	limit := longestLossPause
	if losses < 6 {
		limit = min(limit, firstLossPause<<(losses-1))
	}
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
