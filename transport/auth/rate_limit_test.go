package auth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// wait answers for how long a caller is put off; 0 when he is not.
func (l *RateLimit) wait(t *testing.T, c Caller) time.Duration {
	t.Helper()
	err := l.Admit(c)
	if err == nil {
		return 0
	}
	var refusal *Refusal
	require.True(t, errors.As(err, &refusal))
	require.Positive(t, refusal.RetryAfter)
	require.LessOrEqual(t, refusal.RetryAfter, Window+tick)
	return refusal.RetryAfter
}

func TestTheRateLimitHoldsForEachUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewRateLimit(3, NewMetrics(prometheus.NewRegistry()))
		ann, bob := Caller{"shop", "ann"}, Caller{"shop", "bob"}
		for range 3 {
			require.Zero(t, l.wait(t, ann))
			time.Sleep(time.Second)
		}
		wait := l.wait(t, ann)
		require.Positive(t, wait)
		require.Zero(t, l.wait(t, bob))
		require.Zero(t, l.wait(t, Caller{"other", "ann"}))
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
	l := NewRateLimit(0, nil)
	for range 100_000 {
		require.NoError(t, l.Admit(Caller{"shop", "ann"}))
	}
	require.Zero(t, l.users.Len())
}

// However the requests come, no window of 15 s has more than the limit of them, and nobody is refused where a slightly
// longer window has fewer.
func TestTheRateLimitOfRandomRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 20
		l := NewRateLimit(limit, NewMetrics(prometheus.NewRegistry()))
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
			time.Sleep(time.Duration(rand.ExpFloat64() * float64(Window) / limit))
			if l.wait(t, Caller{}) == 0 {
				require.Less(t, within(Window), limit)
				admitted = append(admitted, time.Now())
				continue
			}
			refused++
			require.GreaterOrEqual(t, within(Window+tick), limit)
		}
		require.Greater(t, refused, 20)
		require.Greater(t, len(admitted), 300)
	})
}

func TestWhatTheRateLimitRemembersIsBounded(t *testing.T) {
	t.Parallel()
	l := NewRateLimit(1, nil)
	for i := range maxCallers + 1000 {
		require.NoError(t, l.Admit(Caller{"shop", fmt.Sprint(i)}))
	}
	require.Equal(t, maxCallers, l.users.Len())
}
