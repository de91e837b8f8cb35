package terminal

import (
	"strings"
	"unicode"
)

// Printable returns text with a replacement for every character that is not printable, or that a terminal might interpret.
func Printable(text string) string { return strings.Map(printable, text) }

// PrintableLines is Printable for text of several lines, whose breaks and tabs stay.
func PrintableLines(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
