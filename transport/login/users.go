// Package login knows who may use the API: users and their passwords, account by account, from a folder of htpasswd
// files that may change while the service runs.
package login

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clients/domain"

	"golang.org/x/crypto/bcrypt"
)

// Users are all users of all accounts.
type Users struct {
	byName map[string]user
	dummy  []byte // a hash that costs as much as the dearest of theirs, and that no password has
}

type user struct {
	account string
	hash    string
}

// suffix is what a file of users ends with; before it stands the account.
const suffix = ".htpasswd"

// Faults are all that is wrong with a folder, a line each.
type Faults []string

func (f Faults) Error() string { return strings.Join(f, "\n") }

func (f *Faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// ReadUsers reads every <account>.htpasswd of a folder. The error is Faults. Other files are passed over.
func ReadUsers(dir string) (*Users, error) {
	u, faults := read(dir)
	if faults != nil {
		return nil, faults
	}
	return u, u.makeDummy()
}

func read(dir string) (*Users, Faults) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, Faults{unwrap(err)}
	}
	u := &Users{byName: make(map[string]user)}
	var faults Faults
	for _, file := range files {
		account, ok := strings.CutSuffix(file.Name(), suffix)
		if !ok || strings.HasPrefix(file.Name(), ".") {
			continue
		}
		if !domain.ValidAccount(account) {
			faults.add("%q is not an account: it takes 1 to 63 of a-z, 0-9 and -", account)
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			faults.add("%s", unwrap(err))
			continue
		}
		u.readFile(account, string(content), &faults)
	}
	if len(u.byName) == 0 && faults == nil {
		faults.add("%s has no user: put <account>%s files there", dir, suffix)
	}
	return u, faults
}

// readFile reads lines of user:hash. What follows a further colon is passed over, as are comments.
func (u *Users) readFile(account, content string, faults *Faults) {
	for n, line := range strings.Split(content, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, ":")
		hash, _, _ := strings.Cut(rest, ":")
		if _, err := bcrypt.Cost([]byte(hash)); err != nil || name == "" {
			faults.add("%s%s, line %d: not a user with a bcrypt hash", account, suffix, n+1)
			continue
		}
		if known, twice := u.byName[name]; twice {
			faults.add("%s%s, line %d: the user %q stands in %s%s already", account, suffix, n+1, name, known.account, suffix)
			continue
		}
		u.byName[name] = user{account, hash}
	}
}

func (u *Users) makeDummy() error {
	dearest := bcrypt.MinCost
	for _, known := range u.byName {
		if cost, err := bcrypt.Cost([]byte(known.hash)); err == nil {
			dearest = max(dearest, cost)
		}
	}
	var err error
	u.dummy, err = bcrypt.GenerateFromPassword([]byte("nobody has this password"), dearest)
	return err
}

// unwrap says what is wrong with a file, without naming the call that failed.
func unwrap(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Path + ": " + path.Err.Error()
	}
	return err.Error()
}
