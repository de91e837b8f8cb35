package auth

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// throttles expects that a login is put off, and answers for how long.
func (g *gate) throttles(name, password, remote string) time.Duration {
	g.t.Helper()
	before := g.verifications()
	_, err := g.try(name, password, remote)
	var refusal *Refusal
	require.True(g.t, errors.As(err, &refusal), "%v", err)
	require.Equal(g.t, http.StatusServiceUnavailable, refusal.Status)
	require.Positive(g.t, refusal.RetryAfter)
	require.Equal(g.t, before, g.verifications())
	return refusal.RetryAfter
}

func TestGuessingAUsersPasswordIsSlow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "nobody"} { // who cannot tell whether there is such a user
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, "shop/ann:one", "shop/bob:two")
			const there = "192.0.2.7:1"
			for i := range perGuess.failures {
				_, err := g.try(name, fmt.Sprint("guess ", i), there)
				require.ErrorIs(t, err, ErrLogin)
			}
			wait := g.throttles(name, "one more", there)
			require.Equal(t, perGuess.each, wait)
			require.Equal(t, wait, g.throttles(name, "one", there), "the right one, too")
			g.admits("shop", "bob", "two")

			time.Sleep(wait)
			_, err := g.try(name, "guess again", there)
			require.ErrorIs(t, err, ErrLogin)
			g.throttles(name, "and again", there)
			time.Sleep(time.Hour)
			for i := range perGuess.failures {
				_, err := g.try(name, fmt.Sprint("later guess ", i), there)
				require.ErrorIs(t, err, ErrLogin)
			}
			g.throttles(name, "one", there)
		})
	}
}

// Who guesses keeps himself out, and not the user whose name it is.
func TestAUserIsNotLockedOutFromElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		for i := range 1000 {
			_, _ = g.try("ann", fmt.Sprint("guess ", i), "192.0.2.7:1")
			time.Sleep(100 * time.Millisecond)
		}
		g.admits("shop", "ann", "one")
	})
}

func TestGuessingAUsersPasswordFromEverywhereIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		from := func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i) }
		for i := range perName.failures {
			_, err := g.try("ann", fmt.Sprint("guess ", i), from(i))
			require.ErrorIs(t, err, ErrLogin)
		}
		require.Equal(t, perName.each, g.throttles("ann", "one more", from(7)))
		_, err := g.try("ann", "one more", from(200))
		require.ErrorIs(t, err, ErrLogin, "the first failure of an address")
		g.throttles("ann", "yet another", from(200))
		_, err = g.try("ann", "one", from(201))
		require.NoError(t, err, "the user, who is elsewhere")
	})
}

func TestGuessingFromAnAddressIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one", "shop/bob:two")
		g.admits("shop", "bob", "two")
		for i := range perNetwork.failures {
			g.refuses(fmt.Sprint("user ", i), "123456")
		}
		require.Equal(t, perNetwork.each, g.throttles("ann", "one", here))
		g.admits("shop", "bob", "two")
		_, err := g.try("ann", "one", "192.0.2.2:1000")
		require.NoError(t, err, "from elsewhere")
		g.admits("shop", "ann", "one")
		time.Sleep(2 * perNetwork.each)
		g.refuses("another", "123456")
		g.refuses("yet another", "123456")
		g.throttles("and one more", "123456", here)
	})
}

// A job that nobody has told the new password does not lock out those who have been told.
func TestThePasswordOfYesterdayIsOneFailureHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/ann:new")
	for range 1000 {
		g.refuses("ann", "old")
	}
	require.Equal(t, 1, g.verifications())
	require.Equal(t, 999, g.ended(loginRepeated))
	g.admits("shop", "ann", "new")
}

// What waits in line when the last failure is counted is not verified any more.
func TestAFloodOfGuessesIsThrottledInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		results := make(chan error, 1000)
		for i := range cap(results) {
			go func() {
				_, err := g.try("ann", fmt.Sprint("guess ", i), here)
				results <- err
			}()
		}
		for range cap(results) {
			require.Error(t, <-results)
		}
		require.Less(t, g.verifications(), perGuess.failures+g.queue.slots)
	})
}

func TestWhatTheThrottleRemembersIsBounded(t *testing.T) {
	t.Parallel()
	th := newThrottle()
	for i := range throttled + 1000 {
		th.fail(fmt.Sprint("user ", i), fmt.Sprintf("10.%d.%d.1:1", i>>8, i&255))
	}
	require.Equal(t, throttled, th.guesses.Len())
	require.Equal(t, throttled, th.names.Len())
	require.Equal(t, throttled, th.networks.Len())
	require.LessOrEqual(t, th.failed.Len(), 2*throttled)
	require.Equal(t, throttled, th.failedAs.Len())
}
