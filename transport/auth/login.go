package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"clients/transport/credentials"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Users are the users who may log in, as they are at the moment.
type Users interface {
	// Find returns the user of that name, or a stand-in that no password fits.
	Find(name string) credentials.User
}

// Login authenticates requests. bcrypt is slow on purpose, so its results are remembered for a while. It is safe for
// concurrent use.
type Login struct {
	users    Users
	throttle *throttle
	queue    *checkQueue
	metrics  *Metrics
	log      *slog.Logger
	key      [sha256.Size]byte
	results  *lru.Cache[proof, result]
}

// proof is a keyed hash of a user and a password. It is useless without the key of the process.
type proof [sha256.Size]byte

// result is that of a check.
type result struct {
	err   error // nil or ErrLogin
	until time.Time
}

const (
	remembered = 10 * time.Minute // after the last use
	maxResults = 40_000           // more users than a Kubernetes Secret has room for, and as many wrong passwords
)

// NewLogin returns a Login of users.
func NewLogin(users Users, metrics *Metrics, log *slog.Logger) *Login {
	l := &Login{
		users: users, throttle: newThrottle(), queue: newCheckQueue(runtime.GOMAXPROCS(0)), metrics: metrics, log: log,
		results: newLRU[proof, result](maxResults),
	}
	_, _ = rand.Read(l.key[:]) // it never fails
	return l
}

// Check returns the user that a request from the address remote logs in as. The error is ErrLogin or another *Refusal.
func (l *Login) Check(r *http.Request, remote string) (credentials.User, error) {
	name, password, ok := basicAuth(r.Header)
	if !ok || !credentials.ValidPassword(password) {
		l.metrics.login(loginMissing)
		return credentials.User{}, ErrLogin
	}
	for {
		user := l.users.Find(name)
		err := l.authenticate(user, password, remote)
		if err == nil && !user.Same(l.users.Find(name)) {
			continue // the user was removed, or got another password, meanwhile
		}
		return user, err
	}
}

// Holds reports whether a user who has logged in may still do so, with the same password.
func (l *Login) Holds(user credentials.User) bool { return user.Same(l.users.Find(user.Name)) }

// authenticate returns nil if the password is the user's, ErrLogin if it is not, or a refusal with status 503.
func (l *Login) authenticate(user credentials.User, password, remote string) error {
	p := l.proof(user, password)
	if known, err := l.recall(p, loginRemembered); known {
		return err
	}
	if err := l.tooMany(user, remote); err != nil {
		return err
	}
	wrong := false
	err := l.queue.do(l.throttle.candidate(user, remote), func() error {
		if known, err := l.recall(p, loginShared); known { // another request was first
			return err
		}
		if err := l.tooMany(user, remote); err != nil { // by now
			return err
		}
		if user.Verify(password) {
			l.metrics.login(loginVerified)
			l.remember(p, nil)
			return nil
		}
		l.throttle.fail(user.Name, remote)
		wrong = true
		return ErrLogin
	}, func() {
		if wrong { // and not refused for another reason
			l.refuse(user, remote, p)
		}
	})
	if errors.Is(err, errBusy) {
		l.metrics.login(loginBusy)
	}
	return err
}

// recall returns the remembered result for p, and counts it as outcome if the password was right. Use renews a result.
func (l *Login) recall(p proof, outcome string) (known bool, err error) {
	last, found := l.results.Get(p)
	if !found || time.Now().After(last.until) {
		return false, nil
	}
	l.remember(p, last.err)
	if last.err != nil {
		outcome = loginRepeated
	}
	l.metrics.login(outcome)
	return true, last.err
}

func (l *Login) remember(p proof, err error) {
	l.results.Add(p, result{err, time.Now().Add(remembered)})
}

// refuse remembers and reports a wrong password.
func (l *Login) refuse(user credentials.User, remote string, p proof) {
	l.metrics.login(loginRefused)
	l.remember(p, ErrLogin)
	attributes := []any{"remote", remote}
	if user.Known() { // an unknown name may be a password in the wrong field
		attributes = append(attributes, "user", user.Name)
	}
	l.log.Warn("login refused", attributes...)
}

// tooMany returns a refusal if too many logins have failed for the user or from the address.
func (l *Login) tooMany(user credentials.User, remote string) error {
	wait := l.throttle.wait(user.Name, remote)
	if wait == 0 {
		return nil
	}
	l.metrics.login(loginThrottled)
	return refused("Too many logins have failed. Try again later.", wait)
}

// proof returns the keyed hash of a user, the present bcrypt hash and a password.
func (l *Login) proof(user credentials.User, password string) (p proof) {
	h := hmac.New(sha256.New, l.key[:])
	fmt.Fprintf(h, "%q %q %q %q", user.Name, user.Account, user.Hash, password) // the quotes keep them apart
	h.Sum(p[:0])
	return p
}
