package domain

import "strings"

// DefaultAccount owns all clients of a service without logins.
const DefaultAccount = "default"

// ValidAccount reports whether name is a valid account, [a-z0-9-]{1,63}, and so one token of a subject.
func ValidAccount(name string) bool {
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return name != "" && len(name) <= 63 && strings.Trim(name, characters) == ""
}
