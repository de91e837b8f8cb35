package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"
)

// Guard tells who is who. A password that was right is remembered for some minutes as a keyed hash, so that not every
// request pays for bcrypt; one that was wrong is never remembered, and who is wrong too often has to wait.
//
// A password counts as right only as long as its user stands among the users with the same hash.
type Guard struct {
	users    atomic.Pointer[Users]
	secret   [32]byte
	verified memory
	failures throttle
	room     chan struct{} // for those who compute a hash
	flights  singleflight.Group
	compare  func(hash, password []byte) error
}

// The answers to who is not let in.
var (
	ErrWrong     = errors.New("wrong user or password")
	ErrThrottled = errors.New("too many wrong passwords; try again later")
)

// NewGuard makes a guard for users, who may be replaced later.
func NewGuard(users *Users) *Guard {
	g := &Guard{
		verified: memory{life: 5 * time.Minute, most: 10_000, entries: make(map[[32]byte]time.Time)},
		failures: throttle{seen: make(map[string]*bucket)},
		room:     make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		compare:  bcrypt.CompareHashAndPassword,
	}
	_, _ = rand.Read(g.secret[:]) // never fails
	g.users.Store(users)
	return g
}

// Replace lets other users in from now on.
func (g *Guard) Replace(users *Users) { g.users.Store(users) }

// Enter answers the account of a user, or ErrWrong or ErrThrottled. remote is where the request comes from. Whether a
// user exists shows neither in the answer nor in the time that it takes.
func (g *Guard) Enter(ctx context.Context, name, password, remote string) (account string, err error) {
	users := g.users.Load()
	known, exists := users.byName[name]
	if !exists {
		known.hash = string(users.dummy)
	}
	key := g.key(known.hash, name, password)
	if exists && g.verified.has(key) {
		return known.account, nil
	}
	if g.failures.exceeded("user "+name, userFailures) || g.failures.exceeded("remote "+remote, remoteFailures) {
		return "", ErrThrottled
	}
	right, err, _ := g.flights.Do(string(key[:]), func() (any, error) { return g.verify(ctx, known.hash, password) })
	if err != nil {
		return "", err
	}
	if !exists || !right.(bool) {
		g.failures.count("user "+name, userFailures)
		g.failures.count("remote "+remote, remoteFailures)
		return "", ErrWrong
	}
	g.verified.keep(key)
	return known.account, nil
}

// waitLimit is how long somebody waits for others whose passwords are being verified.
const waitLimit = 2 * time.Second

func (g *Guard) verify(ctx context.Context, hash, password string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitLimit)
	defer cancel()
	select {
	case g.room <- struct{}{}:
		defer func() { <-g.room }()
	case <-ctx.Done():
		return false, ErrThrottled
	}
	return g.compare([]byte(hash), []byte(password)) == nil, nil
}

func (g *Guard) key(hash, name, password string) (key [32]byte) {
	mac := hmac.New(sha256.New, g.secret[:])
	for _, part := range []string{hash, name, password} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	mac.Sum(key[:0])
	return key
}

// memory holds keys for a while.
type memory struct {
	life time.Duration
	most int

	mu      sync.Mutex
	entries map[[32]byte]time.Time // until when
}

func (m *memory) has(key [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.entries[key])
}

func (m *memory) keep(key [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= m.most {
		now := time.Now()
		for key, until := range m.entries {
			if now.After(until) {
				delete(m.entries, key)
			}
		}
		if len(m.entries) >= m.most {
			clear(m.entries)
		}
	}
	m.entries[key] = time.Now().Add(m.life)
}
