package domain

// DefaultAccount owns all clients of a service without logins.
const DefaultAccount = "default"

// ValidAccount reports whether name is a valid account, [a-z0-9-]{1,63}, and so one token of a subject.
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
