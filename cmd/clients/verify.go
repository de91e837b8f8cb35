package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections"

	"github.com/nats-io/nats.go"
)

// verifyCommand looks through all that is stored.
type verifyCommand struct {
	runningFlags
	DataDir string `name:"data-dir" default:"" help:"Look through the store of an embedded server that is not running, instead. Its server is started over it, as the service does, but lets nobody in."`
	Strays  bool   `help:"List the messages that are no events of the service. They are no faults: anybody who may publish can put one there."`
	JSON    bool   `name:"json" help:"One JSON object a line."`
}

// Help says what the short help leaves out.
func (c *verifyCommand) Help() string {
	return "Exit code 0: no fault. 1: there are faults, or not everything could be read. 2: a wrong setting."
}

// Run verifies. What it finds goes to the output, a line each.
func (c *verifyCommand) Run(ctx context.Context, s streams) error {
	nc, done, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer done()
	history, err := openHistory(ctx, nc)
	if err != nil {
		return err
	}
	bar := newProgress(s.err, history.Last, inMessages)
	report := &verifyReport{out: s.out, bar: bar, json: c.JSON, strays: c.Strays, begun: time.Now()}
	audit := projections.Audit{History: history, Fault: report.fault, Stray: report.stray, Notice: report.notice, Reached: bar.reach}
	findings, err := audit.Run(ctx)
	bar.clear()
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

// connect reaches the NATS servers of a running service, or starts one over the store of a service that is not running.
func (c *verifyCommand) connect(ctx context.Context) (_ *nats.Conn, done func(), err error) {
	if c.DataDir == "" {
		nc, done, err := c.runningFlags.connect(ctx)
		if errors.Is(err, errAbsent) {
			err = fmt.Errorf("%w; --data-dir looks through the store of one that does not run", err)
		}
		return nc, done, err
	}
	if c.NATSURL != "" {
		return nil, nil, settingFaults{"--data-dir does not go with CLIENTS_NATS_URL"}
	}
	return connectToStore(eventstore.EmbeddedConfig{Dir: c.DataDir, Existing: true})
}
