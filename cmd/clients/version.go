package main

import (
	"fmt"

	"clients/cmd/clients/internal/version"
)

// versionCommand prints the version.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, version.Line())
	return err
}
