package credentials

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// User is a user who may log in, or a stand-in for one who does not exist.
type User struct {
	Name    string
	Account string // "" for a stand-in
	Hash    string // the bcrypt hash that the user's file holds
	cost    int    // of that hash
	slowest int    // the cost that a wrong password has
}

// Find returns the user of that name as the folder has them now, or a stand-in that no password fits.
func (f *Folder) Find(name string) User {
	all := f.Get()
	user, found := all.byName[name]
	if !found {
		user = User{Name: name, Hash: standIn(all.slowest), cost: all.slowest}
	}
	user.slowest = all.slowest
	return user
}

// Known reports whether there is such a user.
func (u User) Known() bool { return u.Account != "" }

// Same reports whether v is the same user of the same account with the same password.
func (u User) Same(v User) bool {
	return u.Name == v.Name && u.Account == v.Account && u.Hash == v.Hash
}

// maxPassword is how much of a password bcrypt reads, in bytes.
const maxPassword = 72

// ValidPassword reports whether bcrypt distinguishes a password from all others. It reads 72 bytes, and repeats a shorter
// password after a zero byte, so that passwords with zero bytes may be equivalent.
func ValidPassword(password string) bool {
	return len(password) <= maxPassword && strings.IndexByte(password, 0) < 0
}

// Verify reports whether the password is the user's. A wrong password takes the same time for every user and stand-in,
// whatever the cost of their hash: as long as the highest cost in the folder.
func (u User) Verify(password string) bool {
	return u.verify(password, func(hash, password []byte) bool { return bcrypt.CompareHashAndPassword(hash, password) == nil })
}

func (u User) verify(password string, fits func(hash, password []byte) bool) bool {
	if !ValidPassword(password) {
		return false
	}
	if fits([]byte(u.Hash), []byte(password)) && u.Known() {
		return true
	}
	// Each step of the cost doubles the time: cost c, and c, c+1, … once more up to the highest but one, make one of the
	// highest.
	for cost := u.cost; cost < u.slowest; cost++ {
		fits([]byte(standIn(cost)), []byte(password))
	}
	return false
}

// standIn is a hash of nothing, at a cost.
func standIn(cost int) string { return fmt.Sprintf("$2y$%02d$%s", cost, strings.Repeat(".", 53)) }
