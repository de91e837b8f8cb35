package main

import (
	"net"

	"golang.org/x/net/netutil"
)

// keptDescriptors are left for NATS, for files and for the operations endpoints, however many callers connect to the API:
// without them a replica could not store, nor notice that a user is removed, nor say that it is alive.
const keptDescriptors = 128

// sparing accepts connections as long as there are descriptors to spare. Those beyond wait until another one ends.
func sparing(listener net.Listener, descriptors uint64) net.Listener {
	if descriptors > 1<<30 { // as good as no limit
		return listener
	}
	return netutil.LimitListener(listener, max(int(descriptors)-keptDescriptors, 16))
}
