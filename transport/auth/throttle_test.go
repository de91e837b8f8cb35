package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"clients/transport/auth"

	"github.com/stretchr/testify/require"
)

// The limits, and how long it takes until one failure is forgotten.
const (
	guesses, guessEach    = 10, 10 * time.Second // of a name from a network
	names, nameEach       = 100, time.Second     // of a name from anywhere
	networks, networkEach = 60, time.Second      // from a network
)

// throttles requires that a login is throttled, and returns for how long.
func (g *gate) throttles(name, password, remote string) time.Duration {
	g.t.Helper()
	before := g.verifications()
	_, err := g.try(name, password, remote)
	var refusal *auth.Refusal
	require.True(g.t, errors.As(err, &refusal), "%v", err)
	require.Equal(g.t, http.StatusServiceUnavailable, refusal.Status)
	require.Positive(g.t, refusal.RetryAfter)
	require.Equal(g.t, before, g.verifications())
	return refusal.RetryAfter
}

func TestGuessingAUsersPasswordIsSlow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "nobody"} { // the response does not reveal whether the user exists
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, "shop/ann:one", "shop/bob:two")
			const there = "192.0.2.7:1"
			for i := range guesses {
				_, err := g.try(name, fmt.Sprint("guess ", i), there)
				require.ErrorIs(t, err, auth.ErrLogin)
			}
			wait := g.throttles(name, "one more", there)
			require.Equal(t, guessEach, wait)
			require.Equal(t, wait, g.throttles(name, "one", there), "the right one, too")
			g.admits("shop", "bob", "two")

			time.Sleep(wait)
			_, err := g.try(name, "guess again", there)
			require.ErrorIs(t, err, auth.ErrLogin)
			g.throttles(name, "and again", there)
			time.Sleep(time.Hour)
			for i := range guesses {
				_, err := g.try(name, fmt.Sprint("later guess ", i), there)
				require.ErrorIs(t, err, auth.ErrLogin)
			}
			g.throttles(name, "one", there)
		})
	}
}

// Guessing locks out the network that guesses, not the user.
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
		for i := range names {
			_, err := g.try("ann", fmt.Sprint("guess ", i), from(i))
			require.ErrorIs(t, err, auth.ErrLogin)
		}
		require.Equal(t, nameEach, g.throttles("ann", "one more", from(7)))
		_, err := g.try("ann", "one more", from(200))
		require.ErrorIs(t, err, auth.ErrLogin, "the first failure of an address")
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
		for i := range networks {
			g.refuses(fmt.Sprint("user ", i), "123456")
		}
		require.Equal(t, networkEach, g.throttles("ann", "one", here))
		g.admits("shop", "bob", "two")
		_, err := g.try("ann", "one", "192.0.2.2:1000")
		require.NoError(t, err, "from elsewhere")
		g.admits("shop", "ann", "one")
		time.Sleep(2 * networkEach)
		g.refuses("another", "123456")
		g.refuses("yet another", "123456")
		g.throttles("and one more", "123456", here)
	})
}

// Passwords that wait when the last failure is counted are not verified.
func TestAFloodOfGuessesIsThrottledInTheQueue(t *testing.T) {
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
		require.Less(t, g.verifications(), guesses+g.Slots())
	})
}
