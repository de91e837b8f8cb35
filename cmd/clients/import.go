package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"clients/cmd/clients/internal/terminal"
)

// importCommand makes the clients of a list by the API of a service.
type importCommand struct {
	File    string `arg:"" help:"The list: XML, as <clients><client>…, or JSON, as [{\"client\":{…}}, …]. - for the standard input, which takes --journal."`
	URL     string `name:"url" env:"CLIENTS_IMPORT_URL" default:"http://127.0.0.1:8080" help:"Where the API is: http://host:port, or https://host:port where the service has a certificate."`
	CA      string `name:"ca" env:"CLIENTS_IMPORT_CA" default:"" help:"File with the certificate authorities of an https API, instead of the system's."`
	Login   string `name:"login" env:"CLIENTS_IMPORT_LOGIN" placeholder:"USER:PASSWORD" help:"Who the clients are made by, in whose account, where the service has logins. Better told by the variable: the command line is for everybody to see."`
	Journal string `name:"journal" help:"File that notes which client of the list has become which; next to the list, as <list>.imported, by default."`
	Callers int    `name:"callers" default:"8" help:"How many requests are under way at once."`
}

// Help says what the short help leaves out.
func (c *importCommand) Help() string {
	return "Each client of the list is made by a command of its own: the service gives it a new id, and times of its own. " +
		"default-invoice-timeframe and last-invoice-kind are not carried over: they follow the invoices of a client. " +
		"What the service refuses, and what is not well-formed, is told with its line in the list, and the rest goes on. " +
		"The journal notes the old id and the new one, an object a line. Run it again with the same journal after it was interrupted, or with what was refused " +
		"corrected: what the journal has is left out, wherever it stands in the list by then, and what was just under way is not made twice (within " +
		"24 hours, by its Idempotency-Key). A client that was deleted since, or changed in the list since, is told and not made again. " +
		"A journal is of one service and one user. " +
		"With https the certificate of the service has to be of an authority that the system knows, or of --ca. " +
		"A service that is away is waited for, for two minutes. Exit code 0: all are there. 1: some are not. 2: a wrong setting."
}

// Run imports.
func (c *importCommand) Run(ctx context.Context, s streams) error {
	service, err := c.settings()
	if err != nil {
		return err
	}
	list, size, err := c.open()
	if err != nil {
		return err
	}
	defer list.Close()
	journal, err := openJournal(c.Journal, service.base, service.user)
	if err != nil {
		return err
	}
	defer journal.close()
	i := &importer{
		callers: c.Callers, service: service, journal: journal, out: s.out, err: s.err, bar: terminal.NewProgress(s.err, size, terminal.Bytes), told: make(map[int]string),
	}
	service.tell = i.tell
	err = i.run(ctx, list)
	i.summary()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("import: interrupted; %w", errAgain)
	case err != nil:
		return fmt.Errorf("import: %w", err)
	case i.refused > 0:
		return errors.New("import: not all clients of the list are there")
	}
	return nil
}

// errAgain says what helps, where it does.
var errAgain = errors.New("run it again to go on")

// open opens the list. Its size is 0 where nobody knows it.
func (c *importCommand) open() (list io.ReadCloser, size uint64, err error) {
	if c.File == "-" {
		return io.NopCloser(os.Stdin), 0, nil
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, 0, err
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		size = uint64(info.Size())
	}
	return file, size, nil
}
