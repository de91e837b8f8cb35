package embedded

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// disk is the file system that a data directory lies on.
type disk struct {
	size, free uint64
	noFiles    bool // hardly another file can be made
}

// What has to stay free. A server that runs into a full disk in the middle of a write refuses all writes until it is
// started again, so the service stops writing before that.
const (
	maxReserve   = 64 << 20
	reserveShare = 20 // of the size
	minFiles     = 64
)

func (d disk) reserve() uint64 { return min(d.size/reserveShare, maxReserve) }

// DiskFull returns why nothing more should be written to the disk of the store, "" while there is room.
func (s *Server) DiskFull() string {
	d, err := statDisk(s.dir)
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

// blockSize is how large the files of a stream become. To overwrite a message, the server writes its file anew.
const blockSize = 8 << 20

// RequireRoom returns an error if the disk of a data directory lacks the room to overwrite messages.
func RequireRoom(dir string) error {
	d, err := statDisk(dir)
	if need := d.reserve() + blockSize; err == nil && d.free < need {
		return fmt.Errorf("disk full: %d KiB free, %d KiB are needed to overwrite messages", d.free>>10, need>>10)
	}
	return nil
}

// Room returns how much the streams may take on the disk, given what they take now; 0 where that is not known.
func (s *Server) Room(used uint64) uint64 {
	d, err := statDisk(s.dir)
	if err != nil {
		return 0
	}
	return used + d.free - min(d.free, d.reserve())
}

// WriteFault returns why the server refuses writes to one of the streams for good, "" while it does not. After one failed
// write a server refuses all further ones to that stream until it is started again.
func (s *Server) WriteFault(streams []string) string {
	if !s.server.JetStreamEnabled() {
		return "JetStream is disabled"
	}
	health := s.server.Healthz(&server.HealthzOptions{Account: streamsAccount, Details: true})
	for _, fault := range health.Errors {
		if slices.Contains(streams, fault.Stream) {
			return fault.Error
		}
	}
	return ""
}

// streamsAccount is the NATS account of the streams.
const streamsAccount = "$G"
