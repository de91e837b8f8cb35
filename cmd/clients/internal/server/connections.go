package server

import (
	"time"

	"clients/transport"
	"clients/transport/connections"
)

// keptDescriptors are left for NATS, files and the operations endpoints, however many callers connect to the API.
const keptDescriptors = 128

// opsConnections bounds the connections to the operations endpoints, which hold them for a moment each.
const opsConnections = 32

// connectionLimits returns how many connections to the API the process has descriptors and memory for. With logins, half
// of them may be anonymous.
func connectionLimits(descriptors uint64, memoryLimit int64, logins bool) connections.Limits {
	limits := connections.Limits{Max: transport.MaxConnections(memoryLimit), AnonymousIdle: 10 * time.Second}
	if descriptors < uint64(limits.Max)+keptDescriptors {
		limits.Max = int(descriptors) - keptDescriptors
	}
	limits.Max = max(limits.Max, 16)
	if logins {
		limits.Anonymous = limits.Max / 2
	}
	return limits
}
