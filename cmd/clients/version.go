package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"clients/transport"
)

// version and commit are set when a release is built: -ldflags "-X main.version=1.2.3 -X main.commit=0123abc". Without
// them the commit is that of the checkout, where Go has noted it.
var version, commit = "development", ""

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, versionLine())
	return err
}

func versionLine() string {
	v := currentVersion()
	return fmt.Sprintf("clients %s (commit %s, %s)", v.Version, v.Commit, v.Go)
}

func currentVersion() transport.Version {
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
