package server

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

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
