package domain

import "fmt"

// Counted returns a number with its noun, as in "1 invoice" and "2 invoices".
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
