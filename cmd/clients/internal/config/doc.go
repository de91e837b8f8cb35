// Package config reads the settings of the service and of the subcommands that connect to NATS.
//
//	flags and variables ──kong──> Serve (text) ──Serve.Config──> Config (values) ──> package server
//	                                                  └──> Faults: one line per invalid setting, exit code 2
//
// Each setting is a flag and an environment variable. kong parses them as text, so that all invalid ones can be reported
// at once; Config checks and converts them. It reads the files that settings name, but changes nothing: a service with
// invalid settings has touched neither its data directory nor NATS.
//
// Messages quote the value and say what is allowed, except where the value may contain a password.
//
// natsconn.Settings are those for external NATS servers, and RunningFlags those of a subcommand that connects to the NATS
// of a running service. Both are embedded by kong commands. kong calls the Provide methods for the parameters of Run.
package config
