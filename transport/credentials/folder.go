// Package credentials knows who may log in: the users of a folder of <account>.htpasswd files, as a mounted Kubernetes
// Secret is one, and whether a password is theirs.
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

// Folder is a folder of credentials. It shows its last good state. It is safe for concurrent use.
type Folder struct {
	kept *reload.Kept[users]
}

// users are all users of a folder.
type users struct {
	byName  map[string]User
	slowest int // the highest cost of a hash
}

// extension ends the name of a file that counts. All others, and those that begin with a dot, are passed over.
const extension = ".htpasswd"

// Open reads a folder. When it cannot be used the error is of type Faults and tells everything that is wrong: the folder
// is not there or holds no user, a file cannot be read or is not named after an account, a line holds no bcrypt hash, or
// a user stands in more than one place.
func Open(dir string) (*Folder, error) {
	kept, err := reload.Open(func() (reload.Content, error) { return read(dir) }, usersOf, users.standingIn)
	if err != nil {
		return nil, asFaults(err)
	}
	return &Folder{kept}, nil
}

// Reload looks at the folder, and reports whether there are other users now. It answers what is wrong with a folder that
// has changed and cannot be used, once for each change. Nobody new is then let in, and who is removed is out all the
// same: a user stays as long as his line stands in his file, or that cannot be told.
func (f *Folder) Reload() (changed bool, err error) { return f.kept.Reload() }

// Stale reports whether the folder has changed into something that cannot be used.
func (f *Folder) Stale() bool { return f.kept.Stale() }

// Users answers how many users there are.
func (f *Folder) Users() int { return len(f.kept.Get().byName) }

// read reads the files of a folder that count. Beside an error a file that cannot be read is nil.
func read(dir string) (reload.Content, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var f Faults
	content := make(reload.Content)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || filepath.Ext(name) != extension {
			continue
		}
		if content[name], err = readRegular(filepath.Join(dir, name)); err != nil {
			f.add("%v", err)
		}
	}
	if f != nil {
		return content, f
	}
	return content, nil
}

// readRegular reads a file, and nothing that could keep it waiting.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path) // of what a link leads to
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.ReadFile(path)
}

// usersOf collects the users of all files. The error is of type Faults.
func usersOf(content reload.Content) (users, error) {
	var f Faults
	all := users{byName: make(map[string]User)}
	for _, file := range slices.Sorted(maps.Keys(content)) {
		account := strings.TrimSuffix(file, extension)
		if !domain.ValidAccount(account) {
			f.add("%s: %q is no name of an account: 1 to 63 of a-z, 0-9 and -", file, account)
			continue
		}
		for _, user := range parse(file, account, content[file], &f) {
			if other, taken := all.byName[user.Name]; taken {
				f.add("user %q stands in %s%s and in %s, and may stand in one place only", user.Name, other.Account, extension, file)
				continue
			}
			all.byName[user.Name] = user
			all.slowest = max(all.slowest, user.cost)
		}
	}
	if f == nil && len(all.byName) == 0 {
		f.add("no %s file holds a user", "<account>"+extension)
	}
	if f != nil {
		return users{}, f
	}
	return all, nil
}

// standingIn answers the users whose lines still stand in files that cannot be used as they are, or in files that cannot
// be read. Where there are no files to look at, that is all of them.
func (u users) standingIn(content reload.Content) users {
	if content == nil {
		return u
	}
	left := users{byName: make(map[string]User), slowest: u.slowest}
	for file, text := range content {
		account := strings.TrimSuffix(file, extension)
		var ignored Faults
		standing := parse(file, account, text, &ignored)
		for name, user := range u.byName {
			if user.Account == account && (text == nil || slices.ContainsFunc(standing, user.Same)) {
				left.byName[name] = user
			}
		}
	}
	return left
}

func asFaults(err error) Faults {
	var f Faults
	if errors.As(err, &f) {
		return f
	}
	return Faults{err.Error()}
}
