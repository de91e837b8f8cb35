// Package verify checks all that is stored, for the subcommand verify.
//
//	NATS of a running service ──Open──────> audit.Audit ──Run──> Report ──> standard output
//	store that no server uses ──OpenStopped──┘                       └────> progress on standard error
//
// OpenStopped checks the files of the store first, and reports the first damaged record with its file and byte. Then it
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

// Run runs an audit. The error says how many faults it has found, or that not everything could be read.
func Run(ctx context.Context, a *audit.Audit, r *Report) error {
	r.begun, r.bar = time.Now(), terminal.NewProgress(r.Bars, a.History.Last-a.History.First+1, terminal.Messages)
	ctx, r.stop = context.WithCancel(ctx)
	defer r.stop()
	a.Fault, a.Foreign, a.Reached = r.fault, r.stray, r.bar.Set
	findings, err := a.Run(ctx)
	r.bar.Clear()
	findings.Faults += r.damaged
	if err != nil && r.err == nil {
		return fmt.Errorf("verify: stopped, with %s found so far: %w", domain.Counted(int(findings.Faults), "fault"), err)
	}
	if r.err == nil {
		r.summary(findings)
	}
	if r.err != nil {
		return fmt.Errorf("verify: %w", r.err)
	}
	if findings.Faults > 0 {
		return fmt.Errorf("verify: %s", domain.Counted(int(findings.Faults), "fault"))
	}
	return nil
}

// Open returns an audit of what is stored on NATS. It lists the snapshots before it finds the end of the stream, which has
// to be at or behind them.
func Open(ctx context.Context, nc *nats.Conn) (a *audit.Audit, err error) {
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

// OpenStopped returns an audit of a store that no server uses, and reports what is wrong with its files. done removes the
// copy.
func OpenStopped(ctx context.Context, dir string, r *Report) (_ *audit.Audit, done func(), err error) {
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
		r.damage(damage)
	}
	nc, err := store.Connect()
	if err != nil {
		return nil, nil, err
	}
	a, err := Open(ctx, nc)
	if errors.Is(err, eventstore.ErrNoHistory) && store.Reached > 0 {
		err = eventstore.ErrStreamLost
	}
	if err != nil {
		return nil, nil, err
	}
	a.History.Last = max(a.History.Last, store.Reached) // messages behind the end of the stream are missing
	return a, func() { nc.Close(); _ = store.Close() }, nil
}
