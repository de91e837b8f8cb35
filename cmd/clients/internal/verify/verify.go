// Package verify checks all that is stored, for the subcommand verify.
//
//	NATS of a running service ──Run─────────> audit.Audit ──> Report ──> standard output
//	store that no server uses ──RunStopped──┘                     └────> progress on standard error
//
// RunStopped checks the files of the store first, and reports the first damaged record with its file and byte. Then it
// starts a server that does not listen over a copy of the store, so that both ways read the stream in the same way: what
// the server cannot read is reported as missing.
package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/projections/audit"

	"github.com/nats-io/nats.go"
)

// Run audits what is stored on NATS. The error says how many faults it has found, or that not everything could be read.
func Run(ctx context.Context, nc *nats.Conn, r *Report) error {
	a, err := open(ctx, nc)
	if err != nil {
		return err
	}
	return r.audit(ctx, a)
}

// RunStopped audits a store that no server uses, and its files. The error is as Run's.
func RunStopped(ctx context.Context, dir string, r *Report) error {
	store, err := embedded.StartCopy(dir)
	if err != nil {
		return err
	}
	defer store.Close()
	for _, damage := range store.Damage {
		r.damage(damage)
	}
	nc, err := store.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	a, err := open(ctx, nc)
	if errors.Is(err, eventstore.ErrNoHistory) && store.Reached > 0 {
		return eventstore.ErrStreamLost
	}
	if err != nil {
		return err
	}
	a.History.Last = max(a.History.Last, store.Reached) // messages behind the end of the stream are missing
	return r.audit(ctx, a)
}

// open returns an audit of what is stored on NATS. It lists the snapshots before it finds the end of the stream, which has
// to be at or behind them.
func open(ctx context.Context, nc *nats.Conn) (a *audit.Audit, err error) {
	a = &audit.Audit{Bucket: natsconn.Snapshots(nc)}
	err = natsconn.WithLimit(ctx, func(ctx context.Context) (err error) {
		a.Snapshots, err = a.Bucket.ListWithRetry(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.History, err = natsconn.OpenHistory(ctx, nc)
	return a, err
}

// audit runs an audit and reports what it finds.
func (r *Report) audit(ctx context.Context, a *audit.Audit) error {
	r.begun, r.bar = time.Now(), terminal.NewProgress(r.Bars, a.History.Last-a.History.First+1, "messages")
	ctx, r.stop = context.WithCancel(ctx)
	defer r.stop()
	a.Fault, a.Foreign, a.Reached = r.fault, r.stray, r.bar.Set
	findings, err := a.Run(ctx)
	r.bar.Clear()
	findings.Faults += r.damaged
	found := domain.Counted(int(findings.Faults), "fault")
	if err == nil {
		r.summary(findings)
	}
	switch {
	case r.err != nil:
		return fmt.Errorf("verify: %w", r.err)
	case err != nil:
		return fmt.Errorf("verify: stopped, with %s found so far: %w", found, err)
	case findings.Faults > 0:
		return fmt.Errorf("verify: %s", found)
	}
	return nil
}
