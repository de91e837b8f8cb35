package terminal

import "regexp"

// secrets match what must not be printed even if it was given in the wrong place: the login of a URL, a bcrypt hash, a
// JWT, the seed of an NKey, and a PEM block, which ends with the text if it has no end.
var secrets = regexp.MustCompile(`://\S*@|[^\s/:=]+:\$2[abxy]\$\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*|\bS[UAONC][A-Z2-7]{56}\b|` +
	`(?s)-----BEGIN.*?(?:-----END[^\n-]*-----\n?|\z)`)

// Redact returns text with secrets replaced by xxxxx. It recognizes secrets by their form; a password by itself is not
// recognized.
func Redact(text string) string {
	return secrets.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == ':' {
			return "://xxxxx@"
		}
		return "xxxxx"
	})
}
