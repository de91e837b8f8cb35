//go:build !linux && !darwin && !freebsd

package embedded

import "errors"

// statDisk is not available on this system: a full disk is noticed when the server meets it.
func statDisk(string) (disk, error) { return disk{}, errors.ErrUnsupported }
