package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clients/transport/credentials"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// gate is a login with the folder that it looks into.
type gate struct {
	*Login
	t        *testing.T
	dir      string
	folder   *credentials.Folder
	registry *prometheus.Registry
	log      strings.Builder
}

// newGate makes a gate for users, each "account/name:password".
func newGate(t *testing.T, users ...string) *gate {
	t.Helper()
	g := &gate{t: t, dir: t.TempDir(), registry: prometheus.NewRegistry()}
	g.write(users...)
	var err error
	g.folder, err = credentials.Open(g.dir)
	require.NoError(t, err)
	g.Login = NewLogin(g.folder, NewMetrics(g.registry), slog.New(slog.NewTextHandler(&g.log, nil)))
	return g
}

// write makes the folder hold users and nobody else. Who stays keeps his hash.
func (g *gate) write(users ...string) {
	g.t.Helper()
	files := map[string]string{}
	for _, user := range users {
		account, rest, _ := strings.Cut(user, "/")
		name, password, _ := strings.Cut(rest, ":")
		hash := g.hashOf(name)
		if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
			fresh, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
			require.NoError(g.t, err)
			hash = string(fresh)
		}
		files[account+".htpasswd"] += name + ":" + hash + "\n"
	}
	old, err := filepath.Glob(filepath.Join(g.dir, "*"))
	require.NoError(g.t, err)
	for _, file := range old {
		require.NoError(g.t, os.Remove(file))
	}
	for file, content := range files {
		require.NoError(g.t, os.WriteFile(filepath.Join(g.dir, file), []byte(content), 0o600))
	}
}

func (g *gate) hashOf(name string) string {
	if g.folder == nil {
		return ""
	}
	return g.folder.Find(name).Hash
}

// reload makes the gate know users and nobody else.
func (g *gate) reload(users ...string) {
	g.t.Helper()
	g.write(users...)
	changed, err := g.folder.Reload()
	require.NoError(g.t, err)
	require.True(g.t, changed)
}

// try logs in from an address.
func (g *gate) try(name, password, remote string) (credentials.User, error) {
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(name, password)
	return g.Check(request, remote)
}

// admits expects that the user is let in to an account.
func (g *gate) admits(account, name, password string) {
	g.t.Helper()
	user, err := g.try(name, password, here)
	require.NoError(g.t, err, name)
	require.Equal(g.t, account, user.Account)
	require.Equal(g.t, name, user.Name)
}

// refuses expects that the password is called wrong.
func (g *gate) refuses(name, password string) {
	g.t.Helper()
	_, err := g.try(name, password, here)
	require.ErrorIs(g.t, err, ErrLogin, "%s with %s", name, password)
}

// ended answers how many logins have ended so.
func (g *gate) ended(outcomes ...string) (n int) {
	g.t.Helper()
	families, err := g.registry.Gather()
	require.NoError(g.t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				for _, outcome := range outcomes {
					if family.GetName() == "clients_logins_total" && label.GetValue() == outcome {
						n += int(metric.GetCounter().GetValue())
					}
				}
			}
		}
	}
	return n
}

// verifications are how often bcrypt ran.
func (g *gate) verifications() int { return g.ended(loginVerified, loginRefused) }

// occupy takes all slots of the queue until the returned function is called.
func (g *gate) occupy(t *testing.T) (release func()) {
	t.Helper()
	free := make(chan struct{})
	for i := range g.queue.slots {
		go func() {
			_ = g.queue.do(candidate{name: nameHash{byte(i)}}, func(bool) error { <-free; return nil })
		}()
	}
	synctest.Wait()
	return func() { close(free) }
}

const here = "192.0.2.1:1000"

func TestAPasswordIsVerifiedOnceAndRememberedForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one", "shop/bob:two")
		for range 100 {
			g.admits("shop", "ann", "one")
		}
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 99, g.ended(loginRemembered))
		g.admits("shop", "bob", "two")
		g.refuses("bob", "one")
		require.Equal(t, 3, g.verifications(), "each user, each password")

		time.Sleep(remembered - time.Second)
		g.admits("shop", "ann", "one")
		time.Sleep(remembered - time.Second)
		g.admits("shop", "ann", "one")
		require.Equal(t, 3, g.verifications(), "as long as it is used")
		time.Sleep(remembered + time.Second)
		g.admits("shop", "ann", "one")
		require.Equal(t, 4, g.verifications())
	})
}

func TestWhatIsRememberedEndsWithTheHashItWasVerifiedAgainst(t *testing.T) {
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
	require.Equal(t, verifications, g.verifications(), "who has not changed is still remembered")
	g.reload("other/bob:four")
	g.admits("other", "bob", "four")
}

// restless are logins that change after the first look.
type restless struct{ before, after Users }

func (r *restless) Find(name string) credentials.User {
	found := r.before
	r.before = r.after
	return found.Find(name)
}

func TestWhoIsRemovedWhileHisPasswordIsVerifiedIsOut(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/ann:one")
	g.users = &restless{before: g.folder, after: newGate(t, "shop/bob:two").folder}
	g.refuses("ann", "one")
	g.users = &restless{before: g.folder, after: newGate(t, "other/ann:one").folder}
	g.admits("other", "ann", "one")
}

func TestRequestsWithTheSamePasswordShareItsVerification(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		release := g.occupy(t)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { g.admits("shop", "ann", "one") })
		}
		synctest.Wait()
		release()
		all.Wait()
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 49, g.ended(loginShared))
	})
}

func TestRememberedUsersDoNotWaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one", "shop/bob:two")
		g.admits("shop", "ann", "one")
		release := g.occupy(t)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_, err := g.try("bob", fmt.Sprint("wrong ", i), here)
				require.ErrorIs(t, err, errBusy)
			})
		}
		synctest.Wait()
		begun := time.Now()
		g.admits("shop", "ann", "one")
		require.Zero(t, time.Since(begun))
		all.Wait()
		require.Equal(t, maxWait, time.Since(begun))
		require.Equal(t, 1, g.verifications())
		require.Equal(t, 20, g.ended(loginBusy))
		release()
		g.admits("shop", "bob", "two")
	})
}

// A guess counts when it is checked, not when it is answered.
func TestAGuessThatGaveUpWaitingCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "shop/ann:one")
		g.throttle.fail("bob", here) // ann's request is not the next one
		release := g.occupy(t)
		busy := make(chan error)
		go func() {
			_, err := g.try("ann", "guess", here)
			busy <- err
		}()
		synctest.Wait()
		free := make(chan struct{})
		for i := range g.queue.slots { // who come next, and stay
			go func() {
				_ = g.queue.do(candidate{name: nameHash{2, byte(i)}}, func(bool) error { <-free; return nil })
			}()
		}
		synctest.Wait()
		release()
		require.ErrorIs(t, <-busy, errBusy)
		require.Zero(t, g.ended(loginRefused))
		require.Equal(t, 1, recent(g.throttle.failedAs, guessOf("ann", here).name, time.Now()).count)
		close(free)
	})
}

func TestPasswordsThatBcryptConfusesAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 72)
	g := newGate(t, "shop/ann:"+long, "shop/bob:a")
	g.admits("shop", "ann", long)
	g.refuses("ann", long+"x")
	g.refuses("bob", "a\x00")
	g.refuses("bob", "a\x00a") // the same key as "a" after bcrypt has repeated it
	g.admits("shop", "bob", "a")
	require.Equal(t, 3, g.ended(loginMissing))
	require.False(t, g.folder.Find("bob").Verify("a\x00a"))
}

func TestLatin1CredentialsAreTheSameAsUTF8(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/jörg:pässword")
	g.admits("shop", "jörg", "pässword")
	user, err := g.try("j\xf6rg", "p\xe4ssword", here)
	require.NoError(t, err)
	require.Equal(t, "jörg", user.Name)
	_, err = g.try("j\xf6rg", "p\xe5ssword", here)
	require.ErrorIs(t, err, ErrLogin)
}

func TestFailedLoginsAreLoggedWithoutSecrets(t *testing.T) {
	t.Parallel()
	g := newGate(t, "shop/ann:one")
	g.refuses("ann", "hunter2")
	g.refuses("hunter3", "")
	require.Contains(t, g.log.String(), "user=ann")
	require.Equal(t, 2, strings.Count(g.log.String(), "remote="+here))
	require.NotContains(t, g.log.String(), "hunter")
}
