package command

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxAttempts bounds how often a command is decided. With the pauses in between, that many attempts take about as long as
// a command may take.
const maxAttempts = 56

// The pause after a conflict is random, below a bound that doubles with each conflict up to a maximum. With three servers
// an attempt takes one or two milliseconds: replicas that retry at once would keep each other losing.
const (
	minBackoff = 2 * time.Millisecond
	maxBackoff = 64 * time.Millisecond
)

// backoff waits after a number of conflicts or failures, unless ctx ends first.
func backoff(ctx context.Context, failures int) {
	limit := maxBackoff
	if failures < 6 {
		limit = minBackoff << (failures - 1)
	}
	select {
	case <-time.After(rand.N(limit)):
	case <-ctx.Done():
	}
}
