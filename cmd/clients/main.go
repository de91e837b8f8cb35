// Command clients is the service that owns the clients of an invoicing system. See clients --help.
package main

import (
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

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // certificate authorities, where the system has none: in a container image
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes of the process.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // a wrong setting; nothing was touched
)

// cli is the command line.
type cli struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve      serveCommand      `cmd:"" default:"withargs" help:"Run the service (the default)."`
	Quarantine quarantineCommand `cmd:"" help:"Deal with messages of other services that cannot be used."`
	Setup      setupCommand      `cmd:"" help:"Make the streams, ahead of the service or for other services."`
	Events     eventsCommand     `cmd:"" help:"Print what has happened to clients."`
	Export     exportCommand     `cmd:"" help:"Write all clients of an account, as XML or JSON."`
	Import     importCommand     `cmd:"" help:"Make the clients of a list, as Harvest or export writes one."`
	Backup     backupCommand     `cmd:"" help:"Copy the service's streams into a folder."`
	Restore    restoreCommand    `cmd:"" help:"Make the streams of a backup again."`
	Verify     verifyCommand     `cmd:"" help:"Look through all that is stored, and tell each fault."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// run is the whole program, but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	ctx = natsconn.WithPermissions(ctx)
	useDefaults()
	exited := false
	parser, err := kong.New(&c,
		kong.Name("clients"),
		kong.Description("The clients of an invoicing system: the Harvest Clients API over an event stream in NATS JetStream."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdout, stderr}),
		kong.Vars{"version": versionLine()},
	)
	if err != nil {
		terminal.Report(stderr, err)
		return exitError
	}
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
	terminal.Report(stderr, err)
	if errors.As(err, new(config.Faults)) || errors.As(err, new(*kong.ParseError)) {
		return exitUsage
	}
	return exitError
}

// useDefaults makes a variable that is set to nothing one that is not set.
func useDefaults() {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && (strings.HasPrefix(name, "CLIENTS_") || strings.HasPrefix(name, "OTEL_")) {
			_ = os.Unsetenv(name)
		}
	}
}

// streams are where a command writes to.
type streams struct{ out, err io.Writer }
