package domain

// DefaultAccount owns every client of a service that knows no logins.
const DefaultAccount = "default"

// ValidAccount reports whether name can be an account: [a-z0-9-]{1,63}. Such a name is one token of a subject.
func ValidAccount(name string) bool {
	if len(name) == 0 || len(name) > 63 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
