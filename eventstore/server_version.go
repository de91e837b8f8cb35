package eventstore

import (
	"fmt"
	"strconv"
	"strings"
)

// The first release of NATS that has atomic batches and counters.
const (
	neededMajor = 2
	neededMinor = 12
)

// OldServerError tells that the NATS server cannot do what the service needs.
type OldServerError struct{ Version string }

func (e *OldServerError) Error() string {
	return fmt.Sprintf("the NATS server is of version %s: the service needs %d.%d or later", e.Version, neededMajor, neededMinor)
}

// checkVersion refuses a server that is too old. One whose version cannot be read is given the benefit of the doubt.
func checkVersion(version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return nil
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return nil
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return nil
	}
	if major < neededMajor || major == neededMajor && minor < neededMinor {
		return &OldServerError{Version: version}
	}
	return nil
}
