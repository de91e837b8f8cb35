package transport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// wait answers for how long a caller is put off; 0 when he is not.
func (l *rateLimit) wait(t *testing.T, c caller) time.Duration {
	t.Helper()
	err := l.admit(c)
	if err == nil {
		return 0
	}
	var refusal *httpError
	require.True(t, errors.As(err, &refusal))
	require.Positive(t, refusal.retryAfter)
	require.LessOrEqual(t, refusal.retryAfter, windowLength+tick)
	return refusal.retryAfter
}

func TestTheRateLimitHoldsForEachUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newRateLimit(3)
		ann, bob := caller{"shop", "ann"}, caller{"shop", "bob"}
		for range 3 {
			require.Zero(t, l.wait(t, ann))
			time.Sleep(time.Second)
		}
		wait := l.wait(t, ann)
		require.Positive(t, wait)
		require.Zero(t, l.wait(t, bob))
		require.Zero(t, l.wait(t, caller{"other", "ann"}))
		time.Sleep(wait)
		require.Zero(t, l.wait(t, ann), "as was told")
		require.Positive(t, l.wait(t, ann), "for one")
		time.Sleep(time.Hour)
		for range 3 {
			require.Zero(t, l.wait(t, ann))
		}
		require.Positive(t, l.wait(t, ann))
	})
}

func TestTheRateLimitIsOffAtZero(t *testing.T) {
	t.Parallel()
	l := newRateLimit(0)
	for range 100_000 {
		require.NoError(t, l.admit(caller{"shop", "ann"}))
	}
	require.Zero(t, l.users.Len())
}

// However the requests come, no window of 15 s has more than the limit of them, and nobody is refused where a slightly
// longer window has fewer.
func TestTheRateLimitOfRandomRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 20
		l := newRateLimit(limit)
		var admitted []time.Time
		within := func(d time.Duration) (n int) {
			for _, at := range admitted {
				if time.Since(at) < d {
					n++
				}
			}
			return n
		}
		refused := 0
		for range 1500 {
			time.Sleep(time.Duration(rand.ExpFloat64() * float64(windowLength) / limit))
			if l.wait(t, caller{}) == 0 {
				require.Less(t, within(windowLength), limit)
				admitted = append(admitted, time.Now())
				continue
			}
			refused++
			require.GreaterOrEqual(t, within(windowLength+tick), limit)
		}
		require.Greater(t, refused, 20)
		require.Greater(t, len(admitted), 300)
	})
}

func TestWhatTheRateLimitRemembersIsBounded(t *testing.T) {
	t.Parallel()
	l := newRateLimit(1)
	for i := range maxCallers + 1000 {
		require.NoError(t, l.admit(caller{"shop", fmt.Sprint(i)}))
	}
	require.Equal(t, maxCallers, l.users.Len())
}
