package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/projections/audit"

	"github.com/nats-io/nats.go"
)

// verifyCommand looks through all that is stored.
type verifyCommand struct {
	config.NATSFlags `set:"without_nats_url=the embedded server of CLIENTS_DATA_DIR"`
	DataDir          string `name:"data-dir" default:"" help:"Check the store of an embedded server that is not running, instead: it is copied to the folder for temporary files (TMPDIR), and nothing is written to it."`
	Strays           bool   `help:"List the messages that are no events of the service. They are no faults: anybody who may publish can put one there."`
	JSON             bool   `name:"json" help:"One JSON object a line."`
}

// Help says what the short help leaves out.
func (c *verifyCommand) Help() string {
	return "Exit code 0: no fault. 1: there are faults, or not everything could be read. 2: a wrong setting."
}

// Run verifies. What it finds goes to the output, a line each.
func (c *verifyCommand) Run(ctx context.Context, s streams) error {
	report := &verifyReport{out: s.out, bars: s.err, bar: terminal.NewProgress(s.err, 0, terminal.Messages), json: c.JSON, strays: c.Strays, begun: time.Now()}
	a, done, err := c.open(ctx, report)
	report.bar.Clear()
	if err != nil {
		return err
	}
	defer done()
	a.Fault, a.Foreign, a.Stage = report.fault, report.stray, report.stage
	findings, err := a.Run(ctx)
	report.bar.Clear()
	findings.Faults += report.damaged
	if err != nil {
		return fmt.Errorf("verify: stopped, with %s found so far: %w", domain.Counted(int(findings.Faults), "fault"), err)
	}
	report.summary(findings)
	if report.err != nil {
		return fmt.Errorf("verify: %w", report.err)
	}
	if findings.Faults > 0 {
		return fmt.Errorf("verify: %s", domain.Counted(int(findings.Faults), "fault"))
	}
	return nil
}

// open returns an audit of what is on the NATS servers of a running service, or of a store that no server uses.
func (c *verifyCommand) open(ctx context.Context, report *verifyReport) (_ *audit.Audit, done func(), err error) {
	if c.DataDir != "" {
		if c.NATSURL != "" {
			return nil, nil, config.Faults{"--data-dir: must not be used with CLIENTS_NATS_URL"}
		}
		return openStopped(ctx, c.DataDir, report)
	}
	nc, err := c.ConnectTo(ctx, config.DefaultDataDir())
	if natsconn.IsAbsent(err) {
		err = terminal.WithHint(err, "to check a stopped store use --data-dir DIR")
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := openAudit(ctx, nc)
	if err != nil {
		nc.Close()
	}
	return a, nc.Close, err
}

// openAudit lists the snapshots before it finds the end of the stream, which has to be at or behind them.
func openAudit(ctx context.Context, nc *nats.Conn) (*audit.Audit, error) {
	bucket, err := natsconn.Snapshots(nc)
	if err != nil {
		return nil, err
	}
	a := &audit.Audit{Bucket: bucket}
	if a.Listing, err = natsconn.ListSnapshots(ctx, bucket); err != nil {
		return nil, err
	}
	a.History, err = natsconn.OpenHistory(ctx, nc)
	return a, err
}

// openStopped returns an audit of a store that no server uses, from a copy, and reports what is wrong with its files.
func openStopped(ctx context.Context, dir string, report *verifyReport) (_ *audit.Audit, _ func(), err error) {
	store, err := embedded.StartCopy(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = store.Close()
		}
	}()
	for _, damage := range store.Damage {
		report.damage(damage)
	}
	nc, err := store.Connect()
	if err != nil {
		return nil, nil, err
	}
	a, err := openAudit(ctx, nc)
	if errors.Is(err, eventstore.ErrNoHistory) && store.Reached > 0 {
		err = eventstore.ErrStreamLost
	}
	if err != nil {
		return nil, nil, err
	}
	a.History.Last = max(a.History.Last, store.Reached) // messages behind the end of the stream are missing
	return a, func() { nc.Close(); _ = store.Close() }, nil
}
