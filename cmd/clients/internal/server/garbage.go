package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Garbage that may be in memory before the collector runs. By default that is as much as is in use, which with few clients is so
// little that under load the collector runs many times a second and takes a sixth of the processor time.
const (
	garbageRoom = 128 << 20 // bytes; as much as is in use if that is more
	defaultGOGC = 100       // percent of what is in use
	maxGOGC     = 400
)

// fitGarbage sets GOGC by what is in use, now and after each run of the collector. The memory limit holds as before: close to it the
// collector runs more often. A GOGC in the environment stays.
func fitGarbage() {
	if os.Getenv("GOGC") != "" {
		return
	}
	gogc := defaultGOGC
	var fit func(struct{})
	fit = func(struct{}) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		next := int(max(defaultGOGC, min(garbageRoom*100/max(live[0].Value.Uint64(), 1), maxGOGC)))
		if next != gogc {
			gogc = next
			debug.SetGCPercent(gogc)
		}
		runtime.AddCleanup(&[]byte{0}, fit, struct{}{}) // when the next run has found it unused
	}
	fit(struct{}{})
}
