package auth_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clients/transport/auth"

	"github.com/stretchr/testify/require"
)

func TestAPasswordIsVerifiedOnceAndRememberedForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one", "shop/bob:two")
		for range 100 {
			g.admits("shop", "ann", "one")
		}
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 99, g.ended("remembered"))
		g.admits("shop", "bob", "two")
		g.refuses("bob", "one")
		require.Equal(t, 3, g.verifications(), "each user, each password")

		time.Sleep(auth.Remembered - time.Second)
		g.admits("shop", "ann", "one")
		time.Sleep(auth.Remembered - time.Second)
		g.admits("shop", "ann", "one")
		require.Equal(t, 3, g.verifications(), "as long as it is used")
		time.Sleep(auth.Remembered + time.Second)
		g.admits("shop", "ann", "one")
		require.Equal(t, 4, g.verifications())
	})
}

func TestAVerificationEndsWhenTheHashChanges(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/ann:one", "shop/bob:two", "other/cid:three")
	for range 2 {
		g.admits("shop", "ann", "one")
		g.admits("shop", "bob", "two")
		g.refuses("bob", "four")
		g.refuses("dan", "five")
	}
	require.Equal(t, 4, g.verifications())
	g.reload("shop/bob:four", "other/cid:three", "other/dan:five")
	g.refuses("ann", "one")
	g.refuses("bob", "two")
	g.admits("shop", "bob", "four")
	g.admits("other", "dan", "five")
	g.reload("shop/bob:four", "shop/cid:three", "shop/ann:one")
	g.admits("shop", "ann", "one")
	g.refuses("dan", "five")
	verifications := g.verifications()
	g.admits("shop", "bob", "four")
	require.Equal(t, verifications, g.verifications(), "a user without a change is still remembered")
	g.reload("other/bob:four")
	g.admits("other", "bob", "four")
}

func TestAUserWhoIsRemovedDuringTheCheckIsRefused(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/ann:one")
	g.change = func() { g.reload("shop/bob:two") }
	g.refuses("ann", "one")
	g.change = func() { g.reload("other/bob:two") }
	g.admits("other", "bob", "two")
}

func TestRequestsWithTheSamePasswordShareItsVerification(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		release := g.occupy()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { g.admits("shop", "ann", "one") })
		}
		synctest.Wait()
		release()
		all.Wait()
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 49, g.ended("shared"))
	})
}

func TestRememberedUsersDoNotWaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one", "shop/bob:two")
		g.admits("shop", "ann", "one")
		release := g.occupy()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_, err := g.try("bob", fmt.Sprint("wrong ", i), here)
				require.ErrorIs(t, err, auth.ErrBusy)
			})
		}
		synctest.Wait()
		begun := time.Now()
		g.admits("shop", "ann", "one")
		require.Zero(t, time.Since(begun))
		all.Wait()
		require.Equal(t, auth.MaxWait, time.Since(begun))
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 20, g.ended("busy"))
		release()
		g.admits("shop", "bob", "two")
	})
}

// A guess counts when it is checked, even if its caller no longer waits for the response.
func TestAGuessThatGaveUpWaitingCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		g.refuses("bob", "guess") // so that others are ahead of this network
		release := g.occupy()
		busy := make(chan error)
		go func() {
			_, err := g.try("ann", "guess", here)
			busy <- err
		}()
		synctest.Wait()
		free := make(chan struct{})
		g.Occupy(1, free)
		synctest.Wait()
		release()
		require.ErrorIs(t, <-busy, auth.ErrBusy)
		require.Equal(t, 1, g.ended("refused"), "bob's")
		require.Equal(t, 1, g.RecentFailures("ann"))
		close(free)
	})
}
