package eventstore

import (
	"fmt"
	"net/http"

	"github.com/nats-io/nats-server/v2/server"
)

// disk is the file system that a data directory lies on.
type disk struct {
	size, free uint64
	noFiles    bool // hardly another file can be made
}

// What has to stay free. A server that meets a full disk in the middle of a write refuses all writes until it is started
// again, so the service stops before that.
const (
	maxReserve   = 64 << 20
	reserveShare = 20 // of the size
	minFiles     = 64
)

func (d disk) reserve() uint64 { return min(d.size/reserveShare, maxReserve) }

// DiskFull returns why nothing more should be written to the disk of the store, "" while there is room.
func (e *Embedded) DiskFull() string {
	d, err := statDisk(e.dir)
	switch {
	case err != nil:
		return ""
	case d.noFiles:
		return "disk full: no more files can be made"
	case d.free < d.reserve():
		return fmt.Sprintf("disk full: %d KiB free, %d KiB are kept in reserve", d.free>>10, d.reserve()>>10)
	}
	return ""
}

// Room returns how much the streams may take on the disk, given what they take now; 0 where that is not known.
func (e *Embedded) Room(used uint64) uint64 {
	d, err := statDisk(e.dir)
	if err != nil {
		return 0
	}
	return used + d.free - min(d.free, d.reserve())
}

// WriteFault returns why the server refuses writes for good, "" while it does not. After one write that failed, a server
// refuses all further ones to that stream until it is started again.
func (e *Embedded) WriteFault() string {
	if !e.server.JetStreamEnabled() {
		return "JetStream is disabled"
	}
	for _, stream := range []string{Stream, IDStream, keysStream, QuarantineStream, snapshotStreamName, Projects.Stream, Invoices.Stream} {
		health := e.server.Healthz(&server.HealthzOptions{Account: embeddedAccount, Stream: stream})
		if health.StatusCode == http.StatusServiceUnavailable {
			return health.Error
		}
	}
	return ""
}

// embeddedAccount is the NATS account of the streams.
const embeddedAccount = "$G"
