// Command example-subscriber keeps a copy of all clients in a file by reading the stream of their events. It shows other teams
// how to write a correct subscriber; see its README.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "example-subscriber:", err)
		os.Exit(1)
	}
}

// run runs the program with arguments. It returns nil when ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("example-subscriber", flag.ContinueOnError)
	url := flags.String("nats-url", "nats://127.0.0.1:4222", "URL of the NATS server")
	inbox := flags.String("inbox-prefix", "_INBOX", "prefix of the subjects of responses, for servers whose permissions require one")
	api := flags.String("api", "", "address of the API, to start from a list: http://127.0.0.1:8080, or http://user:password@host")
	path := flags.String("copy", "clients-copy.json", "file of the copy")
	once := flags.Bool("once", false, "exit when the copy has all events that the stream has now")
	if err := flags.Parse(args); err != nil {
		return err
	}
	own, err := loadCopy(*path)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(*url, nats.Name("example-subscriber"), nats.CustomInboxPrefix(*inbox), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", *url, err)
	}
	defer nc.Close()
	err = follow(ctx, nc, own, *api, *once, out)
	if errors.Is(err, errAnotherHistory) {
		fmt.Fprintln(out, "starting over:", err)
		err = follow(ctx, nc, newCopy(*path), *api, *once, out)
	}
	return err
}
