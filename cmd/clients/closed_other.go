//go:build !unix

package main

// closed tells whether what is written reaches nobody any more. Here the next write tells.
func closed(any) bool { return false }
