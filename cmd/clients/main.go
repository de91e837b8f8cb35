// Command clients is the service that owns the clients of an invoicing system, and the commands to operate it.
//
//	main ──kong──> a command's Run ──> packages below internal
//
// Each command has one file with its flags, its help and a Run method. What a command does is in a package of its own:
//
//	serve                      server (configured by config)
//	import                     importer
//	backup, restore            backup
//	events, export, verify     packages of the same names, on eventstore and projections by way of natsconn
//	quarantine                 eventstore/deadletter
//	erase, skip                eventstore/erasure
//	setup --teams              teams
//
// Results go to standard output; errors, progress and summaries go to standard error. Exit code 0 is success, 1 a failure,
// and 2 an invalid setting or command line, in which case nothing was touched.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/cmd/clients/internal/version"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // certificate authorities, where the system has none: in a container image
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a write to a closed pipe is an error like others, so that the command cleans up
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes of the process.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // invalid settings; nothing was touched
)

// cli is the command line.
type cli struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve      serveCommand      `cmd:"" default:"withargs" help:"Run the service (default)."`
	Quarantine quarantineCommand `cmd:"" help:"List, retry or drop messages of other services that cannot be processed."`
	Setup      setupCommand      `cmd:"" help:"Create the streams before the service starts, or for other services."`
	Events     eventsCommand     `cmd:"" help:"Print the events of clients."`
	Export     exportCommand     `cmd:"" help:"Export all clients of an account, also as of a time, or the history of one client."`
	Import     importCommand     `cmd:"" help:"Create the clients of a list from Harvest or from export."`
	Backup     backupCommand     `cmd:"" help:"Copy the streams into a folder."`
	Restore    restoreCommand    `cmd:"" help:"Restore the streams of a backup."`
	Erase      eraseCommand      `cmd:"" help:"Overwrite everything that is stored about a deleted client."`
	Skip       skipCommand       `cmd:"" help:"Remove a message that the service stops at."`
	Verify     verifyCommand     `cmd:"" help:"Check everything that is stored and report faults."`
	Epoch      epochCommand      `cmd:"" help:"Print the epoch of the stream, or set a new one after a restore by other means."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	ctx = natsconn.WithPermissions(ctx)
	useDefaults()
	exited := false
	parser := kong.Must(&c,
		kong.Name("clients"),
		kong.Description("The clients of an invoicing system: the Harvest Clients API over an event stream in NATS JetStream."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdout, stderr}),
		kong.Vars{"version": version.Line()},
		decimalNumbers(),
	)
	selected, err := parser.Parse(args)
	if exited { // --help, --version
		return exitOK
	}
	if err == nil {
		err = natsconn.PermissionError(ctx, selected.Run())
	}
	if err == nil {
		return exitOK
	}
	unparsed := new(kong.ParseError)
	if errors.As(err, &unparsed) {
		selected = unparsed.Context
	}
	command, _, _ := strings.Cut(selected.Command(), " <")
	serves := command == "serve" || command == ""
	if errors.As(err, &unparsed) {
		if serves { // also if there is no such command
			command = ""
		}
		err = terminal.WithHint(err, "see %s --help", strings.TrimSpace("clients "+command))
	}
	format := cmp.Or(c.Serve.LogFormat, os.Getenv("CLIENTS_LOG_FORMAT"))     // the former is empty if the command line is invalid
	report(stderr, err, (serves || command == "setup") && format == logJSON) // the commands that log
	if errors.As(err, new(config.Faults)) || errors.As(err, &unparsed) {
		return exitUsage
	}
	return exitError
}

// useDefaults unsets variables that are empty.
func useDefaults() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && (strings.HasPrefix(name, "CLIENTS_") || strings.HasPrefix(name, "OTEL_")) {
			_ = os.Unsetenv(name)
		}
	}
}

// streams are the outputs of a command.
type streams struct{ out, err io.Writer }
