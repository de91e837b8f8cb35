package auth

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMemoryOfTheThrottleIsBounded(t *testing.T) {
	t.Parallel()
	th := newThrottle()
	for i := range 2 * throttled {
		th.fail(fmt.Sprint("user ", i), fmt.Sprintf("10.%d.%d.1:1", i>>8, i&255))
	}
	require.Equal(t, 4*throttled, th.failed.Len())
}

func TestTheMemoryOfTheRateLimitIsBounded(t *testing.T) {
	t.Parallel()
	l := NewRateLimit(1, nil)
	for i := range maxCallers + 1000 {
		require.NoError(t, l.Admit(Caller{"shop", fmt.Sprint(i)}))
	}
	require.Equal(t, maxCallers, l.users.Len())
}
