package terminal

import "regexp"

// secrets match what must not be printed even if it was given in the wrong place: the login of a URL, a bcrypt hash, a
// JWT, the seed of an NKey, and a PEM block, which is cut off to the end of the text.
var secrets = regexp.MustCompile(`://\S*@|[^\s/:=]+:\$2[abxy]\$\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*|\bS[UAONC][A-Z2-7]{56}\b|(?s)-----BEGIN.*`)

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
