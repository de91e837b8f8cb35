package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"clients/transport"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "development"

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(s streams) error {
	v := currentVersion()
	_, err := fmt.Fprintf(s.out, "clients %s (commit %s, %s)\n", v.Version, v.Commit, v.Go)
	return err
}

func currentVersion() transport.Version {
	v := transport.Version{Version: version, Commit: "unknown", Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				v.Commit = setting.Value
			}
		}
	}
	return v
}
