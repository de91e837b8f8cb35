package domain

import "fmt"

// Counted says how many there are of something, which gets an s unless there is one.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
