package login

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// guarded is a guard of anna and adam of acme, that counts how often a hash is computed.
func guarded(t *testing.T) (g *Guard, computed *atomic.Int64) {
	t.Helper()
	dir := t.TempDir()
	content := ""
	for _, name := range []string{"anna", "adam"} {
		hash, err := bcrypt.GenerateFromPassword([]byte("secret of "+name), bcrypt.MinCost)
		require.NoError(t, err)
		content += name + ":" + string(hash) + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "acme.htpasswd"), []byte(content), 0o600))
	users, err := ReadUsers(dir)
	require.NoError(t, err)
	g, computed = NewGuard(users), &atomic.Int64{}
	g.compare = func(hash, password []byte) error {
		computed.Add(1)
		return bcrypt.CompareHashAndPassword(hash, password)
	}
	return g, computed
}

func TestARightPasswordIsRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, computed := guarded(t)
		for range 100 {
			account, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
			require.NoError(t, err)
			require.Equal(t, "acme", account)
		}
		require.Equal(t, int64(1), computed.Load())
		time.Sleep(6 * time.Minute)
		_, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
		require.NoError(t, err)
		require.Equal(t, int64(2), computed.Load())
	})
}

func TestAWrongPasswordIsNeverRemembered(t *testing.T) {
	t.Parallel()
	g, computed := guarded(t)
	for range 5 {
		_, err := g.Enter(t.Context(), "anna", "secret of adam", "here")
		require.ErrorIs(t, err, ErrWrong)
	}
	require.Equal(t, int64(5), computed.Load())
}

// Who does not exist costs as much as who has another password.
func TestAnUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	g, computed := guarded(t)
	_, err := g.Enter(t.Context(), "nobody", "nobody has this password", "here")
	require.ErrorIs(t, err, ErrWrong)
	require.Equal(t, int64(1), computed.Load())
}

func TestAUserWhoIsTakenOutIsOutThoughRemembered(t *testing.T) {
	t.Parallel()
	g, _ := guarded(t)
	_, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
	require.NoError(t, err)
	other, _ := guarded(t) // the same names and passwords, with other hashes
	delete(other.users.Load().byName, "anna")
	g.Replace(other.users.Load())
	_, err = g.Enter(t.Context(), "anna", "secret of anna", "here")
	require.ErrorIs(t, err, ErrWrong)
	_, err = g.Enter(t.Context(), "adam", "secret of adam", "here")
	require.NoError(t, err)
}

// Many who come at once with the same password pay once.
func TestManyAtOnceShareOneHash(t *testing.T) {
	t.Parallel()
	g, computed := guarded(t)
	begun, open := make(chan struct{}), make(chan struct{})
	compare := g.compare
	g.compare = func(hash, password []byte) error {
		close(begun)
		<-open
		return compare(hash, password)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
			require.NoError(t, err)
		})
	}
	<-begun
	close(open)
	all.Wait()
	require.Equal(t, int64(1), computed.Load())
}

func TestWhoIsWrongTooOftenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, computed := guarded(t)
		for range userFailures.burst {
			_, err := g.Enter(t.Context(), "anna", "wrong", "there")
			require.ErrorIs(t, err, ErrWrong)
		}
		before := computed.Load()
		_, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
		require.ErrorIs(t, err, ErrThrottled)
		require.Equal(t, before, computed.Load(), "which costs nothing")
		_, err = g.Enter(t.Context(), "adam", "secret of adam", "here")
		require.NoError(t, err, "others go on")
		time.Sleep(userFailures.every)
		_, err = g.Enter(t.Context(), "anna", "secret of anna", "here")
		require.NoError(t, err)
	})
}

func TestARemoteHostThatTriesManyUsersWaits(t *testing.T) {
	t.Parallel()
	g, _ := guarded(t)
	throttled := false
	for n := range 2 * remoteFailures.burst {
		_, err := g.Enter(t.Context(), "user"+string(rune('a'+n)), "wrong", "there")
		throttled = throttled || err == ErrThrottled
	}
	require.True(t, throttled)
	_, err := g.Enter(t.Context(), "anna", "secret of anna", "here")
	require.NoError(t, err)
}

// Made-up names do not fill the memory.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	throttle := throttle{seen: make(map[string]*bucket)}
	for n := range 3 * maxBuckets {
		throttle.count(string(rune(n)), userFailures)
	}
	require.LessOrEqual(t, len(throttle.seen), maxBuckets)
	m := memory{life: time.Minute, most: 10, entries: make(map[[32]byte]time.Time)}
	for n := range 100 {
		m.keep([32]byte{byte(n)})
	}
	require.LessOrEqual(t, len(m.entries), 10)
}
