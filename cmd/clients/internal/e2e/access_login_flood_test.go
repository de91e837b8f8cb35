package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// credentials writes a folder with a user of account shop for each login, "user:password".
func credentials(t *testing.T, cost int, logins ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var content []byte
	for _, login := range logins {
		content = append(content, htpasswd(t, cost, login)...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.htpasswd"), content, 0o600))
	return dir
}

// htpasswd returns the line of a user.
func htpasswd(t *testing.T, cost int, login string) string {
	t.Helper()
	user, password, _ := strings.Cut(login, ":")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	require.NoError(t, err)
	return user + ":" + string(hash) + "\n"
}

// from returns the same client at another address of this machine.
func (c *client) from(address net.IP) *client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: address}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &client{t: c.t, base: c.base, login: c.login, http: &http.Client{Transport: transport, Timeout: timeout}}
}

// flood sends wrong passwords from 300 addresses of 127.0.0.0/8 until the returned function is called. That returns how
// often each status was received.
func (s *service) flood(t *testing.T, name func(i, n int) string) (stop func() map[int]int) {
	t.Helper()
	const addresses = 300
	var stopped atomic.Bool
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses := make(map[int]int)
	for i := range addresses {
		attacker := s.client.on(t).from(net.IPv4(127, 1, byte(i>>8), byte(1+i&255)))
		all.Go(func() {
			for n := 0; !stopped.Load(); n++ {
				r, err := attacker.as(fmt.Sprintf("%s:wrong %d %d", name(i, n), i, n)).send(http.MethodGet, "/clients", "")
				if stopped.Load() {
					return
				}
				mu.Lock()
				statuses[r.status]++ // 0 for an error
				mu.Unlock()
				if err != nil {
					t.Log(err)
				}
			}
		})
	}
	return func() map[int]int {
		stopped.Store(true)
		s.kill()
		all.Wait()
		return statuses
	}
}

// It does not run in parallel, because other tests on the processors would count as waiting.
func TestAFirstLoginDoesNotWaitForAFloodOfWrongPasswords(t *testing.T) {
	const users = 3
	cost := bcrypt.DefaultCost
	if raceEnabled {
		cost -= 3 // the race detector makes it as slow as before
	}
	elsewhere, amidst := net.IPv4(127, 0, 0, 1), net.IPv4(127, 1, 0, 1) // the latter is one of the flood's addresses
	for name, c := range map[string]struct {
		of   func(i, n int) string
		user net.IP
	}{
		"made-up names":                        {func(i, n int) string { return fmt.Sprintf("user-%d-%d", i, n) }, elsewhere},
		"another user's name":                  {func(int, int) string { return "cached" }, elsewhere},
		"the name of the user":                 {func(_, n int) string { return fmt.Sprintf("first-%d", n%users) }, elsewhere},
		"made-up names, from the same address": {func(i, n int) string { return fmt.Sprintf("user-%d-%d", i, n) }, amidst},
	} {
		t.Run(name, func(t *testing.T) {
			logins := []string{"cached:right"}
			for i := range users {
				logins = append(logins, fmt.Sprintf("first-%d:right", i))
			}
			s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, cost, logins...), "GOMAXPROCS=2", "CLIENTS_LOG_LEVEL=error")
			cached := s.as("cached:right")
			cached.want(http.StatusOK, http.MethodGet, "/clients", "")
			stop := s.flood(t, c.of)
			eventually(t, func() bool { return s.metric("clients_logins_total", `outcome="refused"`) > 3 }, "the flood has begun")

			var firsts, hits []time.Duration
			for _, login := range logins[1:] {
				begun := time.Now()
				s.as(login).from(c.user).want(http.StatusOK, http.MethodGet, "/clients", "")
				firsts = append(firsts, time.Since(begun))
				for range 3 {
					begun := time.Now()
					cached.want(http.StatusOK, http.MethodGet, "/clients", "")
					hits = append(hits, time.Since(begun))
				}
			}
			statuses := stop()
			slices.Sort(firsts)
			slices.Sort(hits)
			t.Logf("first logins: median %v, longest %v; cached: p50 %v; flood: %v", firsts[users/2], firsts[users-1], hits[len(hits)/2], statuses)
			require.Less(t, firsts[users/2], 2*time.Second)
			require.Less(t, firsts[users-1], 5*time.Second, "one may meet a busy moment of the machine")
			for status := range statuses {
				require.Contains(t, []int{http.StatusUnauthorized, http.StatusServiceUnavailable}, status)
			}
			require.NotZero(t, statuses[http.StatusUnauthorized])
		})
	}
}

func TestATrustedProxyNamesTheCaller(t *testing.T) {
	t.Parallel()
	dir := credentials(t, bcrypt.MinCost, "ann:right")
	for name, c := range map[string]struct {
		trusted string
		locked  bool // the user, by the failures of another caller of the proxy
	}{
		"trusted":     {"127.0.0.0/8, 2001:db8::/32", false},
		"not trusted": {"192.0.2.0/24", true},
		"no setting":  {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "CLIENTS_CREDENTIALS_DIR="+dir, "CLIENTS_TRUSTED_PROXIES="+c.trusted)
			attack := func() response {
				var last response
				for i := range 11 { // one more than a name may fail from one address
					last = s.as(fmt.Sprint("ann:wrong ", i)).do(http.MethodGet, "/clients", "", "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 127.0.0.9")
				}
				return last
			}
			refused := attack()
			require.Equal(t, http.StatusServiceUnavailable, refused.status)
			require.NotEmpty(t, refused.header.Get("Retry-After"))
			want := map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusOK}[c.locked]
			s.as("ann:right").want(want, http.MethodGet, "/clients", "", "X-Forwarded-For: 198.51.100.7, 198.51.100.8")
			require.Equal(t, !c.locked, s.stderr.contains("remote=198.51.100.7 "))
		})
	}
}
