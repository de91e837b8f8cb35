// Package version says what is running: the version, the commit and the Go release that the program was built with.
//
// A release sets both variables when it is built:
//
//	go build -ldflags "-X clients/cmd/clients/internal/version.version=1.2.3 -X clients/cmd/clients/internal/version.commit=0123abc"
//
// Without them the version is "development", and the commit is that of the checkout if Go has recorded it.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"clients/transport"
)

var version, commit = "development", ""

// Current returns what is running.
func Current() transport.Version {
	v := transport.Version{Version: version, Commit: cmp.Or(commit, "unknown"), Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				v.Commit = setting.Value
			}
		}
	}
	return v
}

// Line returns what is running as one line.
func Line() string {
	v := Current()
	return fmt.Sprintf("clients %s (commit %s, %s)", v.Version, v.Commit, v.Go)
}
