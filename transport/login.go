package transport

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"clients/transport/credentials"
)

// Logins are the users who may log in, as they are at this moment.
type Logins interface {
	// Find answers the user of that name. Where there is none it answers a stand-in, whom no password fits.
	Find(name string) credentials.User
}

// anonymous acts where nobody has to log in.
const anonymous = "anonymous"

// login finds out who sends requests.
//
// bcrypt is slow on purpose, so its answers are remembered for a while: under a keyed hash of the password and of the
// user with his present bcrypt hash. Whoever is removed, or has another password, has another hash with the next look
// into the folder, and nothing is remembered of that. No more passwords are verified at once than there are processors, so
// that those who are remembered hardly wait, however many begin at once, as after a restart.
type login struct {
	users    Logins
	throttle *throttle
	metrics  *Metrics
	log      *slog.Logger
	key      [sha256.Size]byte
	turns    chan struct{} // one token for each password that is being verified

	mu       sync.Mutex
	right    *recent[proof, time.Time] // until when it is remembered
	wrong    *recent[proof, time.Time]
	underway map[proof]*verification
}

// proof stands for a user with a password. It is of no use to anybody who does not have the key of the process.
type proof [sha256.Size]byte

// verification is what all requests that wait for the same answer share.
type verification struct {
	done chan struct{}
	err  error
}

const (
	remembered = 10 * time.Minute // after the last use
	maxProofs  = 20_000           // of each kind; more users than a Kubernetes Secret has room for
	maxWait    = 20 * time.Second // for a turn to verify a password
)

func newLogin(users Logins, metrics *Metrics, log *slog.Logger) *login {
	l := &login{
		users: users, throttle: newThrottle(), metrics: metrics, log: log, turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
		right: newRecent[proof, time.Time](maxProofs), wrong: newRecent[proof, time.Time](maxProofs), underway: make(map[proof]*verification),
	}
	_, _ = rand.Read(l.key[:]) // it never fails
	return l
}

// check answers the user that a request is from.
func (l *login) check(r *http.Request) (credentials.User, error) {
	name, password, ok := basicAuth(r.Header)
	if !ok {
		l.metrics.login(loginMissing)
		return credentials.User{}, errLogin
	}
	for {
		user := l.users.Find(name)
		err := l.knows(user, password, r.RemoteAddr)
		if err == nil && !user.Same(l.users.Find(name)) {
			continue // he has been removed, or has another password by now
		}
		return user, err
	}
}

// knows answers whether it is the user's password: nil, errLogin, or that nobody can tell now.
func (l *login) knows(user credentials.User, password, remoteAddr string) error {
	p := l.proof(user, password)
	l.mu.Lock()
	if l.recall(l.right, p) {
		l.mu.Unlock()
		l.metrics.login(loginRemembered)
		return nil
	}
	if l.recall(l.wrong, p) { // no news to whoever guesses, and no failure more of whoever has an old password
		l.mu.Unlock()
		l.metrics.login(loginRepeated)
		return errLogin
	}
	v, shared := l.underway[p]
	if !shared {
		v = &verification{done: make(chan struct{}), err: errInternal}
		l.underway[p] = v
	}
	l.mu.Unlock()
	if shared {
		<-v.done
		l.metrics.login(loginShared)
		return v.err
	}
	defer l.conclude(p, v)
	v.err = l.verify(user, password, remoteAddr)
	return v.err
}

// recall reports whether p is remembered, and goes on remembering it. The caller holds mu.
func (l *login) recall(proofs *recent[proof, time.Time], p proof) bool {
	now := time.Now()
	until, found := proofs.get(p)
	if !found || now.After(until) {
		return false
	}
	proofs.put(p, now.Add(remembered))
	return true
}

// conclude remembers the answer and tells it to all who wait for it.
func (l *login) conclude(p proof, v *verification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.underway, p)
	switch {
	case v.err == nil:
		l.right.put(p, time.Now().Add(remembered))
	case errors.Is(v.err, errLogin):
		l.wrong.put(p, time.Now().Add(remembered))
	}
	close(v.done)
}

// verify has the password verified, when it is its turn and there have not been too many wrong ones.
func (l *login) verify(user credentials.User, password, remoteAddr string) error {
	if err := l.tooMany(user, remoteAddr); err != nil {
		return err
	}
	timeout, cancel := context.WithTimeout(context.Background(), maxWait) // who half-closes still waits
	defer cancel()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-timeout.Done():
		l.metrics.login(loginBusy)
		return errLoginBusy
	}
	if err := l.tooMany(user, remoteAddr); err != nil { // by now
		return err
	}
	if user.Verify(password) {
		l.metrics.login(loginVerified)
		return nil
	}
	l.metrics.login(loginRefused)
	l.throttle.failed(user.Name, remoteAddr)
	attributes := []any{"remote", remoteAddr}
	if user.Known() { // else it may be a password, typed into the wrong field
		attributes = append(attributes, "user", user.Name)
	}
	l.log.Warn("login refused", attributes...)
	return errLogin
}

func (l *login) tooMany(user credentials.User, remoteAddr string) error {
	wait := l.throttle.wait(user.Name, remoteAddr)
	if wait == 0 {
		return nil
	}
	l.metrics.login(loginThrottled)
	return &httpError{http.StatusServiceUnavailable, "Too many logins have failed. Try again later.", wait}
}

// proof makes the keyed hash.
func (l *login) proof(user credentials.User, password string) (p proof) {
	h := hmac.New(sha256.New, l.key[:])
	for _, part := range []string{user.Name, user.Account, user.Hash, password} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		h.Write([]byte(part))
	}
	h.Sum(p[:0])
	return p
}
