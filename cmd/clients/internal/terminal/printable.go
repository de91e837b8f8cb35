package terminal

import (
	"strings"
	"unicode"
)

// Printable returns text with a replacement for every character that is not printable, or that a terminal might interpret.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
