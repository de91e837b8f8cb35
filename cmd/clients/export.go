package main

import (
	"context"
	"errors"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/export"
	"clients/transport/wire"

	"github.com/nats-io/nats.go"
)

// exportCommand writes all clients of an account, or the history of one.
type exportCommand struct {
	config.RunningFlags
	Account config.Account  `name:"account" default:"default" help:"Account to export."`
	AsOf    *moment         `name:"as-of" xor:"list" placeholder:"TIME" help:"The list as of the end of this second, such as '2010-09-25 18:30'; UTC without an offset."`
	Client  config.Positive `name:"client" and:"history" placeholder:"ID" help:"With --history: the client, which may be deleted."`
	History bool            `name:"history" and:"history" xor:"list" help:"The history of a client instead of the list."`
	JSON    bool            `name:"json" help:"JSON instead of XML, or of CSV with --history."`
	Output  string          `name:"output" short:"o" default:"-" help:"File to write, which must not exist yet; - for the standard output."`
}

// Help returns the long help.
func (c *exportCommand) Help() string {
	return "Writes what GET /clients returns when the command begins. clients import reads it. " +
		"With --as-of it writes the list of an earlier time; for that it reads the stream from its beginning. " +
		"With --client and --history it writes every event of a client, for a data-subject request: CSV with a row for each attribute that " +
		"an event changed, or with --json what GET /clients/ID/history returns. " +
		"Exit code 0: the export is complete. 1: it is not, or the account never had that client. 2: invalid settings."
}

// Run exports.
func (c *exportCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	o := export.Options{Account: string(c.Account), AsOf: (*time.Time)(c.AsOf), Client: int64(c.Client), JSON: c.JSON, Output: c.Output}
	return export.Run(ctx, nc, o, s.out, s.err)
}

// moment is a time in the formats of updated_since.
type moment time.Time

// UnmarshalText reads the time.
func (m *moment) UnmarshalText(text []byte) error {
	at, ok := wire.ParseTime(string(text))
	if !ok {
		return errors.New("must be a date and time such as 2010-09-25 18:30")
	}
	*m = moment(at)
	return nil
}
