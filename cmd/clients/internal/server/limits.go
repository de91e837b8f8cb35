package server

import (
	"log/slog"
	"time"

	"clients/transport"
	"clients/transport/connections"

	"github.com/KimMachineGun/automemlimit/memlimit"
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

// memoryLimit returns how many bytes the process may use: GOMEMLIMIT, else nine tenths of the container's limit, which then
// is the garbage collector's limit, too, else half of the machine's memory.
func memoryLimit(log *slog.Logger) int64 {
	total, err := memlimit.FromSystem()
	if err != nil || total == 0 {
		total = 1 << 30
	}
	limit, err := memlimit.Set()
	if err != nil {
		log.Debug("no memory limit found", "error", err)
	}
	if err != nil || uint64(limit) > total { // no limit at all is math.MaxInt64
		return int64(total / 2)
	}
	return limit
}
