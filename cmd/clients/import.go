package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strings"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/importer"
)

// importCommand creates the clients of a list through the API of a service.
type importCommand struct {
	File    string `arg:"" help:"The list: XML, <clients><client>…, or JSON, [{\"client\":{…}}, …]. - reads standard input and requires --journal."`
	URL     string `name:"url" env:"CLIENTS_IMPORT_URL" default:"http://127.0.0.1:8080" help:"Address of the API: http://host:port, or https://host:port if the service has a certificate."`
	CA      string `name:"ca" env:"CLIENTS_IMPORT_CA" default:"" help:"File with the certificate authorities of an https API, instead of the system's."`
	Login   string `name:"login" env:"CLIENTS_IMPORT_LOGIN" placeholder:"USER:PASSWORD" help:"Login, which decides the account. Use the variable: command lines are visible to other users of the machine."`
	Journal string `name:"journal" help:"File that records the new id of each client of the list that was created. Default: <list>.imported."`
	Callers int    `name:"callers" default:"8" help:"Number of concurrent requests, 1 to 64."`
}

// Help returns the long help.
func (c *importCommand) Help() string {
	return "Clients get new ids and times. default-invoice-timeframe and last-invoice-kind are not imported: they follow from invoices. " +
		"Rejected clients are listed with their line in the list; the others are imported. A malformed list is imported up to its first malformed record. " +
		"Run the command again with the same journal to continue after an interruption or a correction: clients that the journal names are skipped. " +
		"Clients that were deleted, or changed in the list, since they were imported are reported and not created again. " +
		"A journal belongs to one service and one user. A service that is unavailable is retried for two minutes. " +
		"Exit code 0: all clients are imported. 1: some are not. 2: invalid settings."
}

// Run imports.
func (c *importCommand) Run(ctx context.Context, s streams) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	settings.Out, settings.Err = s.out, s.err
	read := func() ([]byte, error) { return os.ReadFile(c.File) }
	if c.File == "-" {
		read = func() ([]byte, error) { return io.ReadAll(os.Stdin) }
	}
	list, err := read()
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if err := importer.Run(ctx, settings, list); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

func (c *importCommand) settings() (_ importer.Config, err error) {
	var faults config.Faults
	settings := importer.Config{Callers: c.Callers, Journal: cmp.Or(c.Journal, c.File+".imported")}
	if settings.URL, err = importer.ParseURL(c.URL); err != nil {
		faults.Add("CLIENTS_IMPORT_URL", "%v", err)
	}
	var found bool
	if settings.User, settings.Password, found = strings.Cut(c.Login, ":"); c.Login != "" && (!found || settings.User == "") {
		faults.Add("CLIENTS_IMPORT_LOGIN", "must be USER:PASSWORD")
	}
	if c.Callers < 1 || c.Callers > 64 {
		faults.Add("--callers", "must be between 1 and 64 (got %d)", c.Callers)
	}
	if c.CA != "" {
		settings.TLS = &tls.Config{RootCAs: faults.Authorities("CLIENTS_IMPORT_CA", c.CA)}
	}
	if c.File == "-" && c.Journal == "" {
		faults.Add("--journal", "required with standard input")
	}
	return settings, faults.Err()
}
