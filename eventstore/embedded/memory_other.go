//go:build !linux

package embedded

import "errors"

// requireMemory fails: on this system batches are staged on disk.
func requireMemory(string, int) error { return errors.ErrUnsupported }

func memoryFolder(string, string) (string, error) { return "", errors.ErrUnsupported }
