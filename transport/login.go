package transport

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"clients/transport/credentials"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Logins are the users who may log in, as they are at this moment.
type Logins interface {
	// Find returns the user of that name. Where there is none it returns a stand-in, whom no password fits.
	Find(name string) credentials.User
}

// anonymous acts where nobody has to log in.
const anonymous = "anonymous"

// login authenticates requests.
//
// bcrypt is slow on purpose, so its results are remembered for a while, under a keyed hash of the password and of the user
// with the present bcrypt hash: a user who is removed, or gets another password, has another hash with the next reload of
// the folder. Requests whose password has to be checked wait in a checkQueue.
type login struct {
	users    Logins
	throttle *throttle
	queue    *checkQueue
	metrics  *Metrics
	log      *slog.Logger
	key      [sha256.Size]byte
	right    *lru.Cache[proof, time.Time] // until when it is remembered
	wrong    *lru.Cache[proof, time.Time]
}

// proof stands for a user with a password. It is useless without the key of the process.
type proof [sha256.Size]byte

const (
	remembered = 10 * time.Minute // after the last use
	maxProofs  = 20_000           // of each kind; more users than a Kubernetes Secret has room for
)

func newLogin(users Logins, metrics *Metrics, log *slog.Logger) *login {
	l := &login{
		users: users, throttle: newThrottle(), queue: newCheckQueue(processors()), metrics: metrics, log: log,
		right: newLRU[proof, time.Time](maxProofs), wrong: newLRU[proof, time.Time](maxProofs),
	}
	_, _ = rand.Read(l.key[:]) // it never fails
	return l
}

// newLRU returns a cache whose new entries replace the least recently used ones.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil { // the size is not positive
		panic(err)
	}
	return cache
}

// check returns the user that a request from the address remote logs in as.
func (l *login) check(r *http.Request, remote string) (credentials.User, error) {
	name, password, ok := basicAuth(r.Header)
	if !ok || !credentials.ValidPassword(password) {
		l.metrics.login(loginMissing)
		return credentials.User{}, errLogin
	}
	for {
		user := l.users.Find(name)
		err := l.authenticate(user, password, remote)
		if err == nil && !user.Same(l.users.Find(name)) {
			continue // the user was removed, or got another password, in the meantime
		}
		return user, err
	}
}

// authenticate returns nil if it is the user's password, errLogin if it is not, or a 503.
func (l *login) authenticate(user credentials.User, password, remote string) error {
	p := l.proof(user, password)
	if known, err := l.recall(p, loginRemembered, loginRepeated); known {
		return err
	}
	if err := l.tooMany(user, remote); err != nil {
		return err
	}
	failed := false // perhaps ahead of its turn
	err := l.queue.do(l.throttle.candidate(user, remote), func(last bool) error {
		if !failed {
			if known, err := l.recall(p, loginShared, loginRepeated); known { // another request was first
				return err
			}
			if err := l.tooMany(user, remote); err != nil { // by now
				return err
			}
			if user.Verify(password) {
				l.metrics.login(loginVerified)
				l.right.Add(p, time.Now().Add(remembered))
				return nil
			}
			l.throttle.fail(user.Name, remote)
			failed = true
		}
		if last {
			l.refuse(user, remote, p)
		}
		return errLogin
	})
	if errors.Is(err, errLoginBusy) {
		l.metrics.login(loginBusy)
	}
	return err
}

// recall returns the remembered result for p, counts it as one of the outcomes, and remembers it for longer.
func (l *login) recall(p proof, right, wrong string) (known bool, err error) {
	now := time.Now()
	for _, result := range []struct {
		proofs  *lru.Cache[proof, time.Time]
		outcome string
		err     error
	}{{l.right, right, nil}, {l.wrong, wrong, errLogin}} {
		if until, found := result.proofs.Get(p); found && !now.After(until) {
			result.proofs.Add(p, now.Add(remembered))
			l.metrics.login(result.outcome)
			return true, result.err
		}
	}
	return false, nil
}

// refuse remembers and reports a wrong password.
func (l *login) refuse(user credentials.User, remote string, p proof) {
	l.metrics.login(loginRefused)
	l.wrong.Add(p, time.Now().Add(remembered))
	attributes := []any{"remote", remote}
	if user.Known() { // else it may be a password, typed into the wrong field
		attributes = append(attributes, "user", user.Name)
	}
	l.log.Warn("login refused", attributes...)
}

func (l *login) tooMany(user credentials.User, remote string) error {
	wait := l.throttle.wait(user.Name, remote)
	if wait == 0 {
		return nil
	}
	l.metrics.login(loginThrottled)
	return &httpError{http.StatusServiceUnavailable, "Too many logins have failed. Try again later.", wait}
}

// proof returns the keyed hash.
func (l *login) proof(user credentials.User, password string) (p proof) {
	h := hmac.New(sha256.New, l.key[:])
	for _, part := range []string{user.Name, user.Account, user.Hash, password} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		h.Write([]byte(part))
	}
	h.Sum(p[:0])
	return p
}
