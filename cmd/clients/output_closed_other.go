//go:build !unix

package main

// outputClosed tells whether what is written reaches nobody any more. Here the next write tells.
func outputClosed(any) bool { return false }
