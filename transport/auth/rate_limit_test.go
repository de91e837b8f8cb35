package auth_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"clients/transport/auth"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// wait returns how long a caller has to wait, 0 if the request is admitted.
func wait(t *testing.T, l *auth.RateLimit, c auth.Caller) time.Duration {
	t.Helper()
	err := l.Admit(c)
	if err == nil {
		return 0
	}
	var refusal *auth.Refusal
	require.True(t, errors.As(err, &refusal))
	require.Positive(t, refusal.RetryAfter)
	require.LessOrEqual(t, refusal.RetryAfter, auth.Window)
	return refusal.RetryAfter
}

func TestTheRateLimitHoldsForEachUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := auth.NewRateLimit(3, auth.NewMetrics(prometheus.NewRegistry()))
		ann, bob := auth.Caller{"shop", "ann"}, auth.Caller{"shop", "bob"}
		for range 3 {
			require.Zero(t, wait(t, l, ann))
			time.Sleep(time.Second)
		}
		delay := wait(t, l, ann)
		require.Positive(t, delay)
		require.Zero(t, wait(t, l, bob))
		require.Zero(t, wait(t, l, auth.Caller{"other", "ann"}))
		time.Sleep(delay)
		require.Zero(t, wait(t, l, ann), "after that time")
		require.Positive(t, wait(t, l, ann), "for one")
		time.Sleep(time.Hour)
		for range 3 {
			require.Zero(t, wait(t, l, ann))
		}
		require.Positive(t, wait(t, l, ann))
	})
}

func TestTheRateLimitIsOffAtZero(t *testing.T) {
	t.Parallel()
	l := auth.NewRateLimit(0, nil)
	for range 100_000 {
		require.NoError(t, l.Admit(auth.Caller{"shop", "ann"}))
	}
}

// No window of 15 s has more requests than the limit, and none is refused if it has fewer.
func TestTheRateLimitOfRandomRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 20
		l := auth.NewRateLimit(limit, auth.NewMetrics(prometheus.NewRegistry()))
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
			time.Sleep(time.Duration(rand.ExpFloat64() * float64(auth.Window) / limit))
			if wait(t, l, auth.Caller{}) == 0 {
				require.Less(t, within(auth.Window), limit)
				admitted = append(admitted, time.Now())
				continue
			}
			refused++
			require.GreaterOrEqual(t, within(auth.Window), limit)
		}
		require.Greater(t, refused, 20)
		require.Greater(t, len(admitted), 300)
	})
}
