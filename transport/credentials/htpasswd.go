package credentials

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bcryptHash matches the variants of bcrypt that are computed alike, with a cost from the minimum to the maximum of htpasswd.
var bcryptHash = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}$`)

// maxName bounds the name of a user, in bytes.
const maxName = 255

// parse returns the users in an account's file, and the faults of the other lines. A fault does not contain its line, which may
// be a password.
func parse(file, account string, content []byte) (users []User, faults []error) {
	content = bytes.TrimPrefix(content, []byte("\xEF\xBB\xBF"))
	for i, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, _ := strings.Cut(line, ":")
		switch cost := bcryptHash.FindStringSubmatch(hash); {
		case !validName(name):
			faults = append(faults, fmt.Errorf("%s, line %d: the user's name must be 1 to %d bytes of printable text", file, i+1, maxName))
		case cost == nil:
			faults = append(faults, fmt.Errorf("%s, line %d: it is not <user>:<bcrypt hash>, as htpasswd -nB prints it", file, i+1))
		default:
			n, _ := strconv.Atoi(cost[1])
			users = append(users, User{Name: name, Account: account, Hash: hash, cost: n})
		}
	}
	return users, faults
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsControl) < 0
}
