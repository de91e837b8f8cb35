//go:build !linux

package embedded

import (
	"errors"
	"os"
)

// requireMemory fails: on this system batches are staged on disk.
func requireMemory(string, int) error { return errors.ErrUnsupported }

func lockFolder(string) (*os.File, error) { return nil, errors.ErrUnsupported }
