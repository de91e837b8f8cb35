package main

import "regexp"

// secrets are what a text may hold that was given in the wrong place: the login of a URL, a bcrypt hash, a JWT, the seed of
// an NKey, and a PEM block, which goes to the end.
var secrets = regexp.MustCompile(`://\S*@|[^\s/:=]+:\$2[abxy]\$\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*|\bS[UAONC][A-Z2-7]{56}\b|(?s)-----BEGIN.*`)

// redact returns text without the secrets in it. What is wrong with the command line and the settings is shown with the
// values that were given, and ends in the log of a container.
func redact(text string) string {
	return secrets.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == ':' {
			return "://xxxxx@"
		}
		return "xxxxx"
	})
}
