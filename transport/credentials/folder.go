// Package credentials holds the users who may log in, and verifies their passwords.
//
// The users are read from a folder of <account>.htpasswd files with bcrypt hashes, such as a mounted Kubernetes Secret:
//
//	folder ─→ reload ─→ parse each file ─→ users by name ─→ Folder.Find ─→ User.Verify
//
// An invalid folder is refused at start. If it becomes invalid later, no user is added, and users whose line was removed or
// is invalid lose access at once; the others stay.
//
// Find returns a stand-in for an unknown user, and Verify takes the same time for every wrong password, so that the time of
// a response does not reveal which users exist. Errors never contain a line of a file: it may be a password.
package credentials

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clients/domain"
	"clients/transport/reload"
)

// Folder is a folder of credentials in its last valid state. It is safe for concurrent use.
//
// Reload returns an error if the folder has become invalid. No user is added then. Users whose line was removed or is invalid
// lose access at once; users in files that cannot be read stay.
type Folder struct{ *reload.Kept[users] }

// users are all users of a folder.
type users struct {
	byName  map[string]User
	slowest int // the highest cost of a hash
}

// extension is that of the files that are read. Other files, and those whose name begins with a dot, are ignored.
const extension = ".htpasswd"

// Open reads a folder. If it is invalid the error has a line for each fault: the folder is missing or has no user, a file cannot
// be read or is not named after an account, a line has no bcrypt hash, or a user appears twice.
func Open(dir string) (*Folder, error) {
	kept, err := reload.Open(func() (reload.Content, error) { return read(dir) }, usersOf, users.remaining)
	return &Folder{kept}, err
}

// read reads the files of a folder. If it returns an error, the content of a file that cannot be read is nil.
func read(dir string) (reload.Content, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var faults []error
	content := make(reload.Content)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || filepath.Ext(name) != extension {
			continue
		}
		if content[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			content[name] = nil
			faults = append(faults, err)
		}
	}
	return content, errors.Join(faults...)
}

// usersOf collects the users of all files.
func usersOf(content reload.Content) (users, error) {
	var faults []error
	all := users{byName: make(map[string]User)}
	for _, file := range slices.Sorted(maps.Keys(content)) {
		account := strings.TrimSuffix(file, extension)
		if !domain.ValidAccount(account) {
			faults = append(faults, fmt.Errorf("%s: %q is not a valid account name: 1 to 63 of a-z, 0-9 and -", file, account))
			continue
		}
		found, invalid := parse(file, account, content[file])
		faults = append(faults, invalid...)
		for _, user := range found {
			if other, taken := all.byName[user.Name]; taken {
				faults = append(faults, fmt.Errorf("user %q is in %s%s and in %s: each user may occur once only", user.Name, other.Account, extension, file))
				continue
			}
			all.byName[user.Name] = user
			all.slowest = max(all.slowest, user.cost)
		}
	}
	if faults == nil && len(all.byName) == 0 {
		faults = append(faults, errors.New("no <account>"+extension+" file holds a user"))
	}
	return all, errors.Join(faults...)
}

// remaining returns the users whose lines are still in invalid files, or who are in files that cannot be read. If no file can
// be read, that is all of them.
func (u users) remaining(content reload.Content) users {
	if content == nil {
		return u
	}
	left := users{byName: make(map[string]User), slowest: u.slowest}
	for file, text := range content {
		account := strings.TrimSuffix(file, extension)
		present, _ := parse(file, account, text)
		for name, user := range u.byName {
			if user.Account == account && (text == nil || slices.ContainsFunc(present, user.Same)) {
				left.byName[name] = user
			}
		}
	}
	return left
}
