package eventstore

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/semver"
)

// oldestServer is the first release of NATS that has atomic batches and counters.
const oldestServer = "v2.12"

// checkServer refuses a server that is too old, or takes no message as large as an event may be. A version that cannot be
// read is accepted.
func checkServer(nc *nats.Conn) error {
	if err := checkVersion(nc.ConnectedServerVersion()); err != nil {
		return err
	}
	if size := nc.MaxPayload(); size < maxEvent {
		return fmt.Errorf("%w: %d bytes, at least %d are required", ErrMaxPayload, size, maxEvent)
	}
	return nil
}

func checkVersion(version string) error {
	release, _, _ := strings.Cut("v"+version, "-") // a preview of a release has what the release has
	if semver.IsValid(release) && semver.Compare(release, oldestServer) < 0 {
		return fmt.Errorf("the NATS server is of version %s: the service needs %s or later", version, oldestServer[1:])
	}
	return nil
}
